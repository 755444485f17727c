import type { NodeId } from '../../node/node-id.ts';
import { signingKeystore } from '../../node/placed-files.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import { signerId } from '../../signing/signing-names.ts';
import type { AnyStep, PlannedStep } from '../../steps.ts';
import { beforeOf, type PastRun, type RollbackFacts } from '../facts.ts';

interface Replaced {
  readonly step: PlannedStep<'signing-certificate.issue'>;
  readonly before: SigningCertificateRecord;
}

/** Certificates that a run replaced: of the same subject and CA they are renewed, and nobody minds when which is in use. */
export const replacedBy = ({ plan, steps }: Pick<PastRun, 'plan' | 'steps'>): Replaced[] =>
  plan.steps.flatMap((step) => {
    const before =
      step.kind === 'signing-certificate.issue'
        ? (beforeOf(steps.get(step.id)) as SigningCertificateRecord | null | undefined)
        : undefined;
    return step.kind === 'signing-certificate.issue' && before ? [{ step, before }] : [];
  });

/** Sentences on certificates of another subject or CA that nodes would get back although they have ended, by which nobody is let in. */
export const endedSigners = (run: Pick<PastRun, 'plan' | 'steps'>, now: string): string[] =>
  replacedBy(run)
    .filter(({ step: { input }, before }) => before.subject !== input.subject || before.ca !== input.ca)
    .filter(({ before }) => before.facts.notAfter <= now)
    .map(
      ({ before: { cluster, node, alias, facts } }) =>
        `The certificate with which node ${node} of cluster ${cluster} would sign again for ${alias} has ended at ${facts.notAfter}: nobody would let it in.`,
    );

const isThere = ({ clusters }: RollbackFacts, { cluster, node }: NodeId): boolean =>
  clusters.get(cluster)?.nodes.some(({ name }) => name === node) ?? false;

/** Of a connection that did not work when the run was planned nothing can be proven. */
const worked = ({ plan }: PastRun): boolean => !plan.steps.some(({ id }) => id === 'sign-requests');

/** Each node that may have signed with the run's certificate has to be let in with its earlier one: also where an earlier rollback put that back and came no further. */
export const signedSteps = (facts: RollbackFacts, stage: string): AnyStep[] =>
  (worked(facts.run) ? replacedBy(facts.run) : []).flatMap(({ before }): AnyStep[] => {
    const proof = facts.run.plan.steps.find(
      (step) => step.kind === 'signing.verify' && signerId(step.input) === signerId(before),
    );
    if (proof?.kind !== 'signing.verify' || !isThere(facts, before)) return [];
    const reason = `the node must sign with what ${signingKeystore(before.alias)} was before, and be let in`;
    return [{ ...proof, id: `signed-${signerId(before)}`, reason, stage }];
  });
