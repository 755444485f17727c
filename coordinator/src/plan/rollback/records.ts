import { type AnyConnectionRecord, casOf, signingCaOf } from '../connection/connection-records.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CaRecord, CertificateRecord, RecordBefore, SigningCertificateRecord } from '../records.ts';
import { signerId } from '../signing/signing-names.ts';
import type { AnyStep } from '../steps.ts';
import { type DeploymentTrustRecord, deploymentTrustId } from '../trust/deployment-trust.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';

export const END_STAGE = 'end';

/** What a step found on record before it, in the words of the inventory; null for one that files nothing. */
const recordOf = ({ run }: RollbackFacts, step: AnyStep): RecordBefore | null => {
  const before = beforeOf(run.steps.get(step.id));
  if (before === undefined) return null;
  if (step.kind === 'connection.record') {
    const { local, alias } = step.input.connection;
    return { collection: 'connections', id: `${local}/${alias}`, record: before as AnyConnectionRecord | null };
  }
  if (step.kind === 'deployment-trust.record')
    return { collection: 'deploymentTrusts', id: step.input.id, record: before as DeploymentTrustRecord | null };
  if (step.kind === 'ca.succession') return { collection: 'cas', id: step.input.ca, record: before as CaRecord | null };
  if (step.kind === 'signing-certificate.issue' || step.kind === 'signing-certificate.forget')
    return {
      ...{ collection: 'signingCertificates', id: signerId(step.input) },
      record: before as SigningCertificateRecord | null,
    };
  if (step.kind === 'certificate.issue' || step.kind === 'remote-server.verify') {
    const id = `${nodeKey(step.input)}/${step.input.purpose}`;
    return { collection: 'certificates', id, record: before as CertificateRecord | null };
  }
  return null;
};

const standing = (facts: RollbackFacts, { collection, id }: RecordBefore): unknown => {
  if (collection === 'cas') return facts.cas.find(({ name }) => name === id);
  if (collection === 'deploymentTrusts') return facts.deploymentTrusts.find((one) => deploymentTrustId(one) === id);
  if (collection === 'signingCertificates') return facts.signers.find((record) => signerId(record) === id);
  return collection === 'connections'
    ? facts.connections.find(({ local, alias }) => `${local}/${alias}` === id)
    : facts.certificates.find((record) => `${nodeKey(record)}/${record.purpose}` === id);
};

/** What was found before the first step that filed it. */
const filedRecords = (facts: RollbackFacts): RecordBefore[] => {
  const first = new Map<string, RecordBefore>();
  for (const step of facts.run.plan.steps) {
    const record = recordOf(facts, step);
    const key = record && `${record.collection} ${record.id}`;
    if (record && key !== null && !first.has(key)) first.set(key, record);
  }
  return [...first.values()];
};

/** CAs that the run made and that nothing is left to use; their keys stay sealed, and a CA of the same name has them again. */
const unusedCas = (facts: RollbackFacts, filed: readonly RecordBefore[]): RecordBefore[] => {
  const isFiled = (collection: RecordBefore['collection'], id: string): boolean =>
    filed.some((one) => one.collection === collection && one.id === id);
  const allOf = (one: AnyConnectionRecord): readonly string[] => [...casOf(one), ...signingCaOf(one)];
  const after = filed.flatMap((one) => {
    if (one.record === null) return [];
    if (one.collection === 'connections') return allOf(one.record);
    return one.collection === 'certificates' || one.collection === 'signingCertificates' ? [one.record.ca] : [];
  });
  const used = new Set([
    ...after,
    ...facts.connections.filter(({ local, alias }) => !isFiled('connections', `${local}/${alias}`)).flatMap(allOf),
    ...facts.signers.filter((one) => !isFiled('signingCertificates', signerId(one))).map(({ ca }) => ca),
    ...facts.certificates
      .filter((one) => !isFiled('certificates', `${nodeKey(one)}/${one.purpose}`))
      .map(({ ca }) => ca),
  ]);
  return facts.run.plan.steps.flatMap((step) =>
    (step.kind === 'ca.create' || step.kind === 'ca.import') &&
    beforeOf(facts.run.steps.get(step.id)) === null &&
    facts.cas.some(({ name }) => name === step.input.ca) &&
    !used.has(step.input.ca)
      ? [{ collection: 'cas' as const, id: step.input.ca, record: null }]
      : [],
  );
};

const named: Readonly<Record<RecordBefore['collection'], string>> = {
  connections: 'connection',
  certificates: 'certificate',
  signingCertificates: 'signing certificate',
  cas: 'CA',
  apiKeys: 'API key',
  deploymentTrusts: 'trust of a deployment',
};

const diffOf = ({ collection, id, record }: RecordBefore): string =>
  record === null ? `- ${named[collection]} ${id}` : `~ ${named[collection]} ${id}: as it was before`;

/** By what the coordinator knew a cluster's HTTPS ports before. */
const clusterTrust = ({ run }: RollbackFacts): AnyStep[] =>
  run.plan.steps.flatMap((step) => {
    const before = beforeOf(run.steps.get(step.id)) as { readonly caPem: string | null } | undefined;
    if (step.kind !== 'cluster.trust' || !before || before.caPem === null || before.caPem === step.input.caPem)
      return [];
    return [
      {
        ...{ id: `trust-${step.input.cluster}`, kind: 'cluster.trust', target: 'coordinator', effect: 'none' },
        ...{ reason: 'the run had the coordinator trust a CA', diff: step.diff.replace(/^\+/, '-'), stage: END_STAGE },
        input: { cluster: step.input.cluster, caPem: before.caPem },
      },
    ];
  });

/** Records that are not as they were before the run. */
export const changedRecords = (facts: RollbackFacts): RecordBefore[] =>
  filedRecords(facts).filter((one) => JSON.stringify(standing(facts, one) ?? null) !== JSON.stringify(one.record));

/** The step that puts records back; none without any. */
export const putBackStep = (id: string, stage: string, records: readonly RecordBefore[]): AnyStep[] =>
  records.length === 0
    ? []
    : [
        {
          ...{ id, kind: 'inventory.put-back', target: 'coordinator', effect: 'none', stage },
          ...{ reason: 'the run filed it', diff: records.map(diffOf).join('\n'), input: { records } },
        },
      ];

/** Last: what Remora keeps on record goes back, but for what went back before, and the run is marked. Until then all that is left is known to be ours. */
export const endSteps = (facts: RollbackFacts, isBack: (record: RecordBefore) => boolean = () => false): AnyStep[] => {
  const keys = facts.keys.map(
    ({ record }): RecordBefore => ({ collection: 'apiKeys', id: record.secret, record: null }),
  );
  const changed = changedRecords(facts).filter((record) => !isBack(record));
  const { runId } = facts.run;
  return [
    ...clusterTrust(facts),
    ...putBackStep('put-back-records', END_STAGE, [...changed, ...unusedCas(facts, filedRecords(facts)), ...keys]),
    {
      ...{ id: 'mark-run', kind: 'run.rollback', target: 'coordinator', effect: 'none', stage: END_STAGE, diff: '' },
      ...{ reason: `${runId} is taken back then`, input: { run: runId } },
    },
  ];
};
