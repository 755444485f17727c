import { findKey } from '../elasticsearch/api-keys.ts';
import { explain } from '../elasticsearch/client.ts';
import { findRole, findUser } from '../elasticsearch/security.ts';
import { adoptedIn, isForeign } from '../plan/connection/connection-records.ts';
import type { ClusterObservation, FlatSettings, NodeObservation } from '../plan/facts.ts';
import { isLiving } from '../plan/keys/cluster-key.ts';
import { keystorePasswordInput, keystorePasswordReference } from '../plan/node/node-step.ts';
import type { ApiKeyRecord } from '../plan/records.ts';
import { deliveredKey, deliveriesOf, MOST_DELIVERIES, type NodeDeliveries } from '../plan/rollback/deliveries.ts';
import type { Backups, PastRun, RollbackFacts } from '../plan/rollback/facts.ts';
import { earlierSecretsOf } from '../plan/rollback/keys/keys.ts';
import { principalKey, writesPrincipal } from '../plan/rollback/keys/principals.ts';
import { refuseRun } from '../plan/rollback/refusals.ts';
import type { StoredPlan } from '../plan/steps.ts';
import type { RunRecord } from '../store/runs/run-hash.ts';
import { observeKeysOfAll } from './keys/observe-keys.ts';
import { type ObserveParts, observeWhole } from './observe-nodes.ts';

/** Runs as they are kept; `not-found` for an unknown id. */
export interface RunHistory {
  record(runId: string): Promise<RunRecord>;
  records(): Promise<readonly RunRecord[]>;
  planOf(runId: string): Promise<StoredPlan>;
}

export interface RollbackParts extends ObserveParts {
  readonly history: RunHistory;
}

const BACKUPS_LIMIT_MS = 60_000;

const pastRun = async ({ history }: RollbackParts, record: RunRecord): Promise<PastRun> => {
  const { head, status, rollback, restored, steps } = record;
  return { runId: head.runId, status, rollback, restored, steps, plan: await history.planOf(head.runId) };
};

/** Runs of the same clusters that may have changed something since. */
const otherRuns = async (parts: RollbackParts, { head }: RunRecord): Promise<PastRun[]> => {
  const records = (await parts.history.records()).filter(
    (other) =>
      other.head.runId !== head.runId &&
      // One that ended before changed nothing since; its plan may be forgotten by now.
      (other.finishedAt === null || other.finishedAt >= head.createdAt) &&
      other.steps.size > 0 &&
      other.head.clusters.some((cluster) => head.clusters.includes(cluster)),
  );
  return Promise.all(records.map((other) => pastRun(parts, other)));
};

const observeSettings = async (parts: RollbackParts, cluster: string): Promise<FlatSettings> => {
  try {
    const client = await parts.clients.get(cluster);
    return ((await client.cluster.getSettings({ flat_settings: true })).persistent ?? {}) as FlatSettings;
  } catch (error) {
    throw explain(error, cluster, 'Reading the cluster settings');
  }
};

const seenNode = (
  clusters: ReadonlyMap<string, ClusterObservation>,
  one: NodeDeliveries,
): NodeObservation | undefined => clusters.get(one.cluster)?.nodes.find(({ name }) => name === one.node);

/** What each node's agent could take back; of nodes that are there and whose agents answer. */
const observeBackups = async (
  parts: RollbackParts,
  run: PastRun,
  clusters: ReadonlyMap<string, ClusterObservation>,
  secretVersions: Readonly<Record<string, number>>,
): Promise<Map<string, Backups>> => {
  const asked = deliveriesOf(run).filter(
    (one) => one.upTo.length <= MOST_DELIVERIES && seenNode(clusters, one)?.agent.state === 'online',
  );
  const looks = asked.map(async (one): Promise<[string, Backups]> => {
    const { cluster, node, upTo } = one;
    const password = keystorePasswordReference({ secretVersions }, cluster, node);
    const input = { deliveries: [...upTo], ...keystorePasswordInput(password) };
    const answer = await parts.agents.read({ cluster, node }, 'backups', input, { timeoutMs: BACKUPS_LIMIT_MS });
    return [deliveredKey(one), answer];
  });
  return new Map(await Promise.all(looks));
};

/** Keys that the run made, also those that it did not come to use: their names have its id. */
const madeKeys = (run: PastRun, records: readonly ApiKeyRecord[]): ApiKeyRecord[] =>
  run.plan.steps.flatMap((step) => {
    if (step.kind !== 'api-key.create') return [];
    const { cluster, name } = step.input;
    return records.filter((one) => one.cluster === cluster && one.name.startsWith(`${name}-${run.runId}-`));
  });

/** Roles and users that the run wrote, as they stand. */
const observePrincipals = async (parts: RollbackParts, run: PastRun): Promise<RollbackFacts['principals']> => {
  const looks = run.plan.steps.filter(writesPrincipal).map(async (step) => {
    const { cluster, name } = step.input;
    const find = step.kind === 'role.put' ? findRole : findUser;
    return [principalKey(step), await find(await parts.clients.get(cluster), cluster, name)] as const;
  });
  return new Map(await Promise.all(looks));
};

/** The key that the nodes of a connection had before the run took it over. */
const adoptedKeyOf = async (parts: RollbackParts, { plan }: PastRun): Promise<Pick<RollbackFacts, 'adoptedKey'>> => {
  const step = plan.workflow === 'adopt' ? plan.steps.find(({ kind }) => kind === 'connection.record') : undefined;
  if (step?.kind !== 'connection.record') return {};
  const { connection } = step.input;
  const key = adoptedIn(connection)?.key;
  if (key === undefined || isForeign(connection)) return {};
  const { remote } = connection;
  const found = await findKey(await parts.clients.get(remote), remote, key.id);
  return found ? { adoptedKey: { id: found.id, usable: isLiving(found, parts.clock().getTime()) } } : {};
};

const byName = async <T>(names: readonly string[], look: (name: string) => Promise<T>): Promise<Map<string, T>> =>
  new Map(await Promise.all(names.map(async (name): Promise<[string, T]> => [name, await look(name)])));

/** Gathers everything that the rollback planner looks at. Changes nothing; refuses a run that cannot be taken back before it asks anybody. */
export const observeRollback = async (parts: RollbackParts, runId: string): Promise<RollbackFacts> => {
  const record = await parts.history.record(runId);
  const run = await pastRun(parts, record);
  refuseRun(run);
  const { inventory } = parts;
  // Deployments are held by names of their own too.
  const names = run.plan.clusters.filter((name) => !name.includes('/'));
  const [others, apiKeys, clusters, settings, secretVersions] = await Promise.all([
    otherRuns(parts, record),
    inventory.apiKeys.list(),
    byName(names, (name) => observeWhole(parts, name)),
    byName(names, (name) => observeSettings(parts, name)),
    parts.secretVersions(),
  ]);
  const made = madeKeys(run, apiKeys);
  const earlierSecrets = earlierSecretsOf(run);
  const earlier = apiKeys.filter((one) => earlierSecrets.includes(one.secret) && !made.includes(one));
  const [backups, keys, earlierKeys, adoptedKey, connections, cas, certificates, signers, deploymentTrusts] =
    await Promise.all([
      observeBackups(parts, run, clusters, secretVersions),
      observeKeysOfAll(parts, made, secretVersions),
      observeKeysOfAll(parts, earlier, secretVersions),
      adoptedKeyOf(parts, run),
      inventory.connections.list(),
      inventory.cas.list(),
      inventory.certificates.list(),
      inventory.signingCertificates.list(),
      inventory.deploymentTrusts.list(),
    ]);
  return {
    ...{
      run,
      others,
      clusters,
      settings,
      backups,
      keys,
      earlierKeys,
      ...adoptedKey,
      connections,
      cas,
      certificates,
      signers,
      apiKeys,
      deploymentTrusts,
    },
    secretVersions,
    principals: await observePrincipals(parts, run),
  };
};
