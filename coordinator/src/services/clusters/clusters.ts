import { RemoraError } from '@remora/shared/errors.ts';
import type { ClusterAdded, ClusterView } from '@remora/shared/model/inventory.ts';
import { isLoopback } from '@remora/shared/model/values/address.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import type { RecordAlone } from '../../audit/record-alone.ts';
import type { Clock } from '../../clock.ts';
import type { CloudClient } from '../../cloud/client.ts';
import { type ClusterAccess, explain, openClient } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { connectionProblem } from '../../elasticsearch/connection-problem.ts';
import { isForeign } from '../../plan/connection/connection-records.ts';
import { handedRecords } from '../../plan/keys/handed-key.ts';
import type { ClusterRecord } from '../../plan/records.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { ClusterInput, Services } from '../../services.ts';
import type { Inventory } from '../../store/inventory.ts';
import { refuseOtherKind, urlsOf } from './deployments.ts';
import { type LockOf, refuseWhileLocked } from './held-clusters.ts';
import { checkUserCreation, createRemoraUser, type UserCreation } from './remora-user.ts';

export interface ClusterServiceParts {
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'put' | 'remove'>;
  readonly clients: ClusterClients;
  readonly clock: Clock;
  readonly lockOf: LockOf;
  readonly recordAlone: RecordAlone;
  readonly cloud: (name: string) => Promise<Pick<CloudClient, 'deployment'>>;
}

/** A cluster's URL: https, or http where it stays on the machine or somebody says that the network may be trusted. */
const checkUrl = (text: string, allowPlainHttp: boolean): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !['https:', 'http:'].includes(url.protocol))
    throw new RemoraError('bad-input', `"${text}" is not a URL of a cluster: write https://HOST:PORT.`);
  if (url.username !== '' || url.password !== '')
    throw new RemoraError(
      'bad-input',
      'A URL must not carry a user or password: give them with --user and --password-file.',
    );
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowPlainHttp) {
    throw new RemoraError(
      'plain-http',
      `${text} is plain http beyond this machine: the password of the cluster would cross the network readable.`,
    );
  }
  return url.origin;
};

const passwordOf = (cluster: string): string => `cluster/${cluster}/password`;

const view = async ({ clients }: ClusterServiceParts, record: ClusterRecord): Promise<ClusterView> => {
  const { deployment } = record;
  const base = {
    ...{ name: record.name, urls: [...record.urls], user: record.user, clusterUuid: record.clusterUuid },
    ...(deployment === undefined ? {} : { deployment }),
  };
  const nothing = { version: null, license: null, health: null, nodes: null };
  const client = await clients.get(record.name).catch((error: unknown) => explain(error, record.name, 'Opening it'));
  if (client instanceof RemoraError) return { ...base, ...nothing, error: client.message };
  try {
    const [info, health, license] = await Promise.all([
      client.info(),
      client.cluster.health(),
      client.license.get().catch(() => null),
    ]);
    return {
      ...base,
      version: info.version.number,
      license: license?.license.type ?? null,
      health: health.status,
      nodes: health.number_of_nodes,
      error: null,
    };
  } catch (error) {
    return { ...base, ...nothing, error: (await connectionProblem(error, client, 'Looking at it')).message };
  }
};

interface Asked {
  readonly url: string;
  readonly clusterUuid: string | null;
  /** Why it told no cluster. */
  readonly problem: RemoraError | null;
}

/** A node that has not found its cluster says so instead of a UUID. */
const NO_CLUSTER = '_na_';

const ask = async (access: ClusterAccess, url: string): Promise<Asked> => {
  const client = await openClient({ ...access, urls: [url] });
  try {
    const { cluster_uuid: clusterUuid } = await client.info();
    if (clusterUuid !== NO_CLUSTER) return { url, clusterUuid, problem: null };
    const message = `The node at ${url} has not joined its cluster yet.`;
    return { url, clusterUuid: null, problem: new RemoraError('cluster-unreachable', message) };
  } catch (error) {
    return { url, clusterUuid: null, problem: await connectionProblem(error, client, `Reaching ${url}`) };
  } finally {
    await client.close();
  }
};

/** Asks every URL which cluster is there. Those that do not answer now are told; all others have to lead to one cluster that takes user and password. */
const askAll = async (access: ClusterAccess): Promise<{ clusterUuid: string; unreachable: string[] }> => {
  const asked = await Promise.all(access.urls.map((url) => ask(access, url)));
  const problems = asked.flatMap(({ problem }) => problem ?? []);
  const refusal = problems.find(({ code }) => code !== 'cluster-unreachable');
  if (refusal) throw refusal;
  const [first, ...others] = asked.filter(({ problem }) => problem === null);
  if (!first?.clusterUuid)
    throw new RemoraError('cluster-unreachable', problems[0]?.message ?? '', {
      findings: problems.map(({ message }) => message),
    });
  const other = others.find(({ clusterUuid }) => clusterUuid !== first.clusterUuid);
  if (other)
    throw new RemoraError(
      'bad-input',
      `${first.url} and ${other.url} are two clusters (${first.clusterUuid} and ${other.clusterUuid}).`,
      { hint: 'Give the URLs of one cluster only.' },
    );
  return { clusterUuid: first.clusterUuid, unreachable: asked.flatMap(({ url, problem }) => (problem ? [url] : [])) };
};

/** The record that has this name already; throws `conflict` unless it is of this cluster, and when the cluster has another name. */
const findKnown = async (
  { inventory }: ClusterServiceParts,
  name: string,
  clusterUuid: string,
): Promise<ClusterRecord | null> => {
  const all = await inventory.clusters.list();
  const known = all.find((record) => record.name === name);
  if (known && known.clusterUuid !== clusterUuid)
    throw new RemoraError('conflict', `There is a cluster "${name}" already, and these URLs lead to another one.`, {
      hint: `Choose another name, or remove the known one first with \`remora clusters remove ${name}\`.`,
    });
  const same = all.find((record) => record.clusterUuid === clusterUuid);
  if (same && same.name !== name)
    throw new RemoraError('conflict', `These URLs lead to the cluster that is known as "${same.name}" already.`, {
      hint: 'Go on with that name: a cluster has one.',
    });
  return known ?? null;
};

/** All that may refuse the cluster is looked at first, as the administrator. */
const createUser = async (
  parts: ClusterServiceParts,
  access: ClusterAccess,
  creation: UserCreation,
  actor: string,
): Promise<void> => {
  checkUserCreation(creation, access.user);
  const { clusterUuid } = await askAll({ ...access, user: creation.adminUser, password: creation.adminPassword });
  await findKnown(parts, access.name, clusterUuid);
  await createRemoraUser(parts.recordAlone, access, creation, actor);
};

const add = async (parts: ClusterServiceParts, input: ClusterInput, actor: string): Promise<ClusterAdded> => {
  const { caPem, user, allowPlainHttp, deployment } = input;
  const name = parseClusterName(input.name);
  const given = await urlsOf(parts, input);
  if (given.length === 0) throw new RemoraError('bad-input', 'A cluster needs at least one --url.');
  const urls = [...new Set(given.map((url) => checkUrl(url, allowPlainHttp)))];
  const access: ClusterAccess = { name, urls, caPem, user, password: input.password };
  if (input.creation) await createUser(parts, access, input.creation, actor);
  const { clusterUuid, unreachable } = await askAll(access);
  const known = await findKnown(parts, name, clusterUuid);
  if (known) await refuseOtherKind(parts, known, input);
  const password = await parts.secrets.put(passwordOf(name), input.password);
  const addedAt = known?.addedAt ?? parts.clock().toISOString();
  const record: ClusterRecord = {
    ...{ name, urls, caPem, user, password, clusterUuid, addedAt },
    ...(deployment === undefined ? {} : { deployment }),
  };
  const { clusters } = parts.inventory;
  const audit = { actor, target: name, detail: `${urls.join(', ')} as ${user}, ${password}` };
  const isFiled = known
    ? await clusters.change(name, () => record, { ...audit, action: 'cluster.update' })
    : await clusters.add(name, record, { ...audit, action: 'cluster.add' });
  if (!isFiled)
    throw new RemoraError('conflict', `Somebody else just ${known ? 'removed the' : 'added a'} cluster "${name}".`, {
      hint: 'See `remora clusters list`, then give the command again if it is still needed.',
    });
  return { ...(await view(parts, record)), updated: known !== null, unreachable };
};

/** Keys of a cluster that is forgotten live on, and `api-keys revoke` would not find it any more. */
const refuseHandedOut = async ({ inventory, clock }: ClusterServiceParts, name: string): Promise<void> => {
  const all = handedRecords(await inventory.apiKeys.list(), clock().toISOString());
  const own = all.filter(({ remote }) => remote === name);
  if (own[0] === undefined) return;
  const whom = [...new Set(own.map((one) => one.whom))].sort();
  throw new RemoraError(
    'conflict',
    `Cluster ${name} has API keys that were made for others and let them in: for ${whom.join(', ')}. Remora could not end them any more.`,
    {
      hint: `\`remora api-keys revoke ${name} --for ${own[0].whom}\` ends one. With --leave-keys they live on; a cluster that is added again under this name has them on record again.`,
    },
  );
};

/** A schedule for a cluster that is forgotten would fail at each fire. */
const refuseScheduled = async ({ inventory }: ClusterServiceParts, name: string): Promise<void> => {
  const one = (await inventory.schedules.list()).find(({ arguments: given }) => given.cluster === name);
  if (one === undefined) return;
  throw new RemoraError('conflict', `The schedule ${one.name} is for cluster ${name}, and would fail each time.`, {
    hint: `Remove it first with \`remora schedules remove ${one.name}\`.`,
  });
};

const remove = async (
  parts: ClusterServiceParts,
  name: string,
  actor: string,
  { leaveKeys }: { readonly leaveKeys: boolean },
): Promise<void> => {
  await parts.clients.record(name);
  await refuseWhileLocked(parts.lockOf, name, `Cluster ${name}`);
  const nodes = (await parts.inventory.nodes.list()).filter(({ cluster }) => cluster === name);
  const connections = (await parts.inventory.connections.list()).filter(
    (one) => one.local === name || (!isForeign(one) && one.remote === name),
  );
  if (connections[0])
    throw new RemoraError(
      'conflict',
      `Cluster ${name} is a side of the connection ${connections[0].alias} of cluster ${connections[0].local}: it cannot be removed while that stands.`,
      {
        hint: `Take it apart with \`remora disconnect ${connections[0].local} ${connections[0].alias}\`, or with --${connections[0].local === name ? 'local' : 'remote'}-gone where this cluster is gone for good.`,
      },
    );
  if (nodes[0])
    throw new RemoraError(
      'conflict',
      `Cluster ${name} still has ${nodes.length} node${nodes.length > 1 ? 's' : ''} with an agent: remove ${nodes.length > 1 ? 'them' : nodes[0].node} first with \`remora nodes remove\`.`,
    );
  await refuseScheduled(parts, name);
  if (!leaveKeys) await refuseHandedOut(parts, name);
  // Deployments that it trusts stay on record: under this name again, restrictions must not go from over the CA of a region.
  await parts.inventory.clusters.remove(name, { actor, action: 'cluster.remove', target: name });
  await parts.secrets.remove(passwordOf(name));
};

export const clusterService = (parts: ClusterServiceParts): Services['clusters'] => ({
  add: (input, actor) => add(parts, input, actor),
  async list() {
    const records = await parts.inventory.clusters.list();
    return Promise.all(records.map((record) => view(parts, record)));
  },
  show: async (name) => view(parts, await parts.clients.record(name)),
  remove: (name, actor, options) => remove(parts, name, actor, options),
});
