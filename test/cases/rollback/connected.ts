import type { RemoraError } from '@remora/shared/errors.ts';
import type { KeyObservation } from '../../../coordinator/src/plan/facts.ts';
import type { PastRun, PastStep, RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { planIn } from '../connect/plans.ts';
import { type World, world } from '../connect/world.ts';

export type Backup = RollbackFacts['backups'] extends ReadonlyMap<string, infer B> ? B : never;
type Change = Backup['changes'][number];

export const RUN = 'run-1';
const AT = '2026-03-01T11:00:00.000Z';
export const done = (more: Partial<PastStep> = {}): PastStep => ({
  ...{ status: 'succeeded', attempts: 1, startedAt: AT, finishedAt: AT, intent: null, kept: null },
  ...more,
});

/** What the steps of a connect remember of a fleet that had nothing. */
const kept = (step: AnyStep): unknown => {
  if (step.kind === 'cluster-settings.put')
    return { before: Object.fromEntries(Object.keys(step.input.persistent).map((name) => [name, null])) };
  return ['connection.record', 'ca.create', 'certificate.issue'].includes(step.kind) ? { before: null } : null;
};

export const ended = (plan: StoredPlan, more: Partial<PastRun> = {}): PastRun => ({
  ...{ runId: RUN, status: 'succeeded', rollback: null, restored: null, plan },
  steps: new Map(plan.steps.map((step) => [step.id, done({ kept: kept(step) })])),
  ...more,
});

export const change = (kind: Change['kind'], name: string, more: Partial<Change> = {}): Change => ({
  ...{ kind, name, state: 'ours', existed: false },
  ...more,
});

const remoteChanges = [
  change('file', 'remora-remote-cluster-server.p12'),
  change('setting', 'remote_cluster_server.enabled', { now: true }),
  change('entry', 'xpack.security.remote_cluster_server.ssl.keystore.secure_password'),
];
const localChanges = [
  change('setting', 'xpack.security.remote_cluster_client.ssl.enabled', { now: true }),
  change('entry', 'cluster.remote.us.credentials'),
];

/** A key on record that the cluster still takes. */
export const keyOf = (secret: string, id: string, name: string): KeyObservation => ({
  record: { secret, cluster: 'us', id, name, expiresAtMs: null, configHash: 'h' },
  usable: true,
});

/** A fleet right after `connect` of a remote cluster of three nodes, or of a part of it (`--limit`). */
export const connected = (made: World = world({ remote: 3, local: 1 }), limit?: readonly string[]) => {
  const plan = planIn(made, request(limit === undefined ? {} : { nodes: [...limit] }));
  const { local, remote, secretVersions } = factsOf(made, request());
  const put = plan.steps.find(({ kind }) => kind === 'cluster-settings.put');
  const record = plan.steps.find(({ kind }) => kind === 'connection.record');
  const key = plan.steps.find(({ kind }) => kind === 'api-key.create');
  if (record?.kind !== 'connection.record') throw new Error('the plan is another one than this test thinks');
  const alias = put?.kind === 'cluster-settings.put' ? put.input.persistent : {};
  const backup = (changes: readonly Change[]): Backup => ({ changes: [...changes], unknown: [] });
  const facts: RollbackFacts = {
    run: ended(plan),
    others: [],
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      [remote.name, {}],
      [local.name, { ...alias, 'their.setting': 'x' } as Record<string, string>],
    ]),
    backups: new Map([
      ...remote.nodes.map(({ name }): [string, Backup] => [`${remote.name}/${name}`, backup(remoteChanges)]),
      ...local.nodes.map(({ name }): [string, Backup] => [`${local.name}/${name}`, backup(localChanges)]),
    ]),
    keys: key?.kind === 'api-key.create' ? [keyOf(key.input.secret, 'k1', `remora-eu-us-${RUN}-1-r1`)] : [],
    ...{
      earlierKeys: [],
      connections: [record.input.connection],
      cas: [],
      certificates: [],
      signers: [],
      deploymentTrusts: [],
      apiKeys: [],
      principals: new Map(),
      secretVersions,
    },
  };
  return { facts, plan };
};

export const roll = (facts: RollbackFacts): StoredPlan =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T12:00:00.000Z', hash: sha256 });

export const refusalOf = (facts: RollbackFacts): RemoraError => {
  try {
    roll(facts);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

export const withBackup = (facts: RollbackFacts, node: string, backup: Partial<Backup>): RollbackFacts => ({
  ...facts,
  backups: new Map([...facts.backups, [node, { changes: [], unknown: [], ...backup }]]),
});
