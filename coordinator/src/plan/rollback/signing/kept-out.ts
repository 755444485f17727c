import { matchesIdentity } from '@remora/shared/model/certificates/certificate-identity.ts';
import type { NodeId } from '../../node/node-id.ts';
import { files, signingKeystore } from '../../node/placed-files.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import type { AnyStep } from '../../steps.ts';
import { changesOn } from '../deliveries.ts';
import type { RollbackFacts } from '../facts.ts';
import { isUsable } from '../keys/keys.ts';
import { replacedBy } from './resigned.ts';
import { demandStages } from './resigning.ts';

/** What somebody changed since a run, so that no node would be let in any more with the certificate that it gets back. */

/** Whether a file of a node goes back to what it was before the run. */
const goesBack = (facts: RollbackFacts, node: NodeId, path: string): boolean =>
  changesOn(facts, node).some(({ name, state }) => state === 'ours' && name.endsWith(path));

/** Certificates of another subject or CA that nodes get back. */
const returning = (
  facts: RollbackFacts,
): { readonly before: SigningCertificateRecord; readonly isOtherCa: boolean }[] =>
  replacedBy(facts.run)
    .filter(({ step: { input }, before }) => before.subject !== input.subject || before.ca !== input.ca)
    .filter(({ before }) => goesBack(facts, before, signingKeystore(before.alias)))
    .map(({ step, before }) => ({ before, isOtherCa: before.ca !== step.input.ca }));

/** Of a key that somebody had demand something else since; `steps` are those that have keys demand what they did before. */
const byKey = (facts: RollbackFacts, subjects: readonly string[], steps: readonly AnyStep[]): string[] => {
  const changed = facts.run.plan.steps.flatMap((step) => (step.kind === 'api-key.identify' ? [step.input.secret] : []));
  return facts.earlierKeys.flatMap(({ record: { id, secret }, certificateIdentity: demanded }) => {
    const isPutBack = steps.some(
      (step) =>
        step.kind === 'api-key.identify' && step.input.secret === secret && step.stage === demandStages.either.id,
    );
    if (!changed.includes(secret) || !isUsable(facts, secret) || isPutBack || demanded === undefined) return [];
    const subject = subjects.find((one) => !matchesIdentity(demanded, one));
    return subject === undefined
      ? []
      : [
          `API key ${id} demands ${demanded}, which somebody else changed since, and would let no node in that signs with ${subject} again: have it demand both first, or give \`remora connect\` with what is wanted instead.`,
        ];
  });
};

/** Of remote nodes whose file others changed or placed since. */
const byCa = (facts: RollbackFacts, { remote, ca }: SigningCertificateRecord): string[] => {
  const wanted = facts.cas.find(({ name }) => name === ca)?.facts.fingerprint256;
  if (wanted === undefined)
    return [
      `CA ${ca}, by which nodes would sign again, was removed since: import it again under its name, with its key, or give \`remora connect\` with what is wanted instead.`,
    ];
  const cluster = facts.clusters.get(remote);
  return (cluster?.nodes ?? []).flatMap(({ name, agent }) => {
    if (agent.state !== 'online' || goesBack(facts, { cluster: remote, node: name }, files.signingCas)) return [];
    const held = agent.facts.files.find(({ path }) => path === files.signingCas)?.certificates ?? [];
    return held.some(({ fingerprint256 }) => fingerprint256 === wanted)
      ? []
      : [
          `${files.signingCas} of node ${name} (cluster ${remote}), which the run did not write as it stands, holds CA ${ca} not, by which nodes would sign again: nobody would be let in there. Add the certificate first (\`remora ca export ${ca}\`).`,
        ];
  });
};

/** Sentences on what would keep nodes out with the certificates that they get back. */
export const keptOut = (facts: RollbackFacts, steps: readonly AnyStep[]): string[] => {
  const back = returning(facts);
  const subjects = [...new Set(back.map(({ before }) => before.subject))];
  return [
    ...byKey(facts, subjects, steps),
    ...new Set(back.flatMap(({ before, isOtherCa }) => (isOtherCa ? byCa(facts, before) : []))),
  ];
};
