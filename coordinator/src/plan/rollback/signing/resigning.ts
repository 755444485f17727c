import { nodeKey } from '../../node/node-id.ts';
import type { AnyStep, Stage } from '../../steps.ts';
import type { PastRun, RollbackFacts } from '../facts.ts';
import { nodesPart } from '../nodes.ts';
import { changedRecords, putBackStep } from '../records.ts';
import type { NodesBack } from '../rotation.ts';
import { replacedBy, signedSteps } from './resigned.ts';

/** Certificates that a run replaced by ones of another subject or CA go back as they came: the key lets in both, and both CAs are trusted, until every node is proven. */

const TRUST_READ: Stage = { id: 'trust-read', title: 'Wait until both signing CAs are trusted', mode: 'parallel' };
const CERTIFICATES: Stage = { id: 'signers', title: 'Put signing certificates on record back', mode: 'serial' };
const SIGNED: Stage = { id: 'signed', title: 'Prove the earlier signing certificates', mode: 'parallel' };

/** What the key demands, before and after the nodes go back. */
export const demandStages = {
  either: { id: 'demand-either', title: 'Have the key let in both subjects', mode: 'serial' },
  earlier: { id: 'demand-earlier', title: 'Demand what was demanded before', mode: 'serial' },
} as const satisfies Record<string, Stage>;

/** Whether a run had a living connection signed with certificates of another subject or CA. */
export const isResigning = (run: Pick<PastRun, 'plan' | 'steps'>): boolean =>
  run.plan.workflow === 'connect' &&
  replacedBy(run).some(({ step: { input }, before }) => before.subject !== input.subject || before.ca !== input.ca);

/** The remote nodes have to trust both again before any local node signs by the earlier CA. */
const trustSteps = (facts: RollbackFacts): AnyStep[] =>
  facts.run.plan.steps.flatMap((step) =>
    step.kind === 'node.change' && (step.input.phase ?? 0) > 0 && facts.run.steps.get(step.id)?.attempts
      ? [
          {
            ...{ id: `trust-read-${nodeKey(step.input)}`, kind: 'signing-trust.verify', target: step.input.node },
            ...{
              effect: 'none',
              reason: 'the node must take signatures of both CAs before anybody signs by the earlier',
            },
            ...{ diff: '', stage: TRUST_READ.id, input: { cluster: step.input.cluster, node: step.input.node } },
          } as const,
        ]
      : [],
  );

/** Puts further stages behind those of one cluster and phase. */
const after = (stages: readonly Stage[], group: string, more: readonly Stage[]): Stage[] =>
  stages.flatMap((stage) => (stage.id === `served-${group}` ? [stage, ...more] : [stage]));

/** Takes back what such a run did to nodes; see `rotationBack`. */
export const resigningBack = (facts: RollbackFacts, now: string): NodesBack => {
  const [local = '', remote = ''] = facts.run.plan.clusters;
  const nodes = nodesPart(facts, now);
  const back = changedRecords(facts).filter(({ collection }) => collection === 'signingCertificates');
  const signed = [CERTIFICATES, SIGNED, demandStages.earlier];
  const both = after(nodes.stages, `${remote}.1`, [TRUST_READ]);
  const stages = after(both, local, signed);
  return {
    // Without any change of local nodes their records go back all the same.
    stages: [demandStages.either, ...(stages.length === both.length ? [...signed, ...stages] : stages)],
    steps: [
      ...trustSteps(facts),
      ...nodes.steps,
      ...putBackStep('put-back-signers', CERTIFICATES.id, back),
      ...signedSteps(facts, SIGNED.id),
    ],
    warnings: nodes.warnings,
    isBack: ({ collection }) => collection === 'signingCertificates',
  };
};
