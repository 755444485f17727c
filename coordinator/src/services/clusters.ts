import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { isLoopback } from '@remora/shared/model/address.ts';
import type { ClusterView } from '@remora/shared/model/inventory.ts';
import { parseClusterName } from '@remora/shared/model/names.ts';
import type { Clock } from '../clock.ts';
import { explain, isConnectionFailure, openClient, statusOf } from '../elasticsearch/client.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { trustProblem } from '../elasticsearch/trust.ts';
import type { ClusterRecord } from '../plan/records.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { ClusterInput, Services } from '../services.ts';
import type { Inventory } from '../store/inventory.ts';

export interface ClusterServiceParts {
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'put' | 'remove'>;
  readonly clients: ClusterClients;
  readonly clock: Clock;
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

/** Why a cluster could not be reached, with the certificate where that is the reason. */
const connectionProblem = async (error: unknown, input: ClusterInput): Promise<RemoraError> => {
  if (statusOf(error) === 401)
    return new RemoraError(
      'cluster-credentials',
      `Cluster ${input.name} refused user "${input.user}" with this password (401).`,
    );
  if (isConnectionFailure(error)) {
    for (const url of input.urls) {
      const problem = await trustProblem(url, input.caPem);
      if (problem) {
        const against = input.caPem === null ? "the system's CAs" : 'the given CA';
        return new RemoraError(
          'cluster-untrusted',
          `${url} serves a certificate that is not trusted by ${against}: ${problem.subject}, issued by ${problem.issuer} (${problem.reason}).`,
        );
      }
    }
  }
  return explain(error, input.name, `Reaching ${input.urls.join(', ')}`);
};

const view = async (record: ClusterRecord, client: () => Promise<Client>): Promise<ClusterView> => {
  const base = { name: record.name, urls: [...record.urls], user: record.user, clusterUuid: record.clusterUuid };
  try {
    const open = await client();
    const [info, health, license] = await Promise.all([
      open.info(),
      open.cluster.health(),
      open.license.get().catch(() => null),
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
    return {
      ...base,
      version: null,
      license: null,
      health: null,
      nodes: null,
      error: explain(error, record.name, 'Looking at it').message,
    };
  }
};

const add = async (parts: ClusterServiceParts, input: ClusterInput): Promise<ClusterView> => {
  const name = parseClusterName(input.name);
  if (input.urls.length === 0) throw new RemoraError('bad-input', 'A cluster needs at least one --url.');
  const urls = input.urls.map((url) => checkUrl(url, input.allowPlainHttp));
  if (await parts.inventory.clusters.get(name))
    throw new RemoraError('conflict', `There is a cluster "${name}" already.`, {
      hint: `Choose another name, or remove it first with \`remora clusters remove ${name}\`.`,
    });
  const client = await openClient({ ...input, urls });
  try {
    const info = await client.info();
    const same = (await parts.inventory.clusters.list()).find(({ clusterUuid }) => clusterUuid === info.cluster_uuid);
    if (same)
      throw new RemoraError('conflict', `These URLs lead to the cluster that is known as "${same.name}" already.`);
    const password = await parts.secrets.put(`cluster/${name}/password`, input.password);
    const record: ClusterRecord = {
      name,
      urls,
      caPem: input.caPem,
      user: input.user,
      password,
      clusterUuid: info.cluster_uuid,
      addedAt: parts.clock().toISOString(),
    };
    if (!(await parts.inventory.clusters.add(name, record)))
      throw new RemoraError('conflict', `Somebody else just added a cluster "${name}".`);
    return await view(record, async () => client);
  } catch (error) {
    throw error instanceof RemoraError ? error : await connectionProblem(error, { ...input, urls });
  } finally {
    await client.close();
  }
};

const remove = async (parts: ClusterServiceParts, name: string): Promise<void> => {
  await parts.clients.record(name);
  const nodes = (await parts.inventory.nodes.list()).filter(({ cluster }) => cluster === name);
  const connections = (await parts.inventory.connections.list()).filter(
    ({ local, remote }) => local === name || remote === name,
  );
  if (connections[0])
    throw new RemoraError(
      'conflict',
      `Cluster ${name} is a side of the connection ${connections[0].alias} of cluster ${connections[0].local}: it cannot be removed while that stands.`,
    );
  if (nodes[0])
    throw new RemoraError(
      'conflict',
      `Cluster ${name} still has ${nodes.length} node${nodes.length > 1 ? 's' : ''} with an agent: remove ${nodes.length > 1 ? 'them' : nodes[0].node} first with \`remora nodes remove\`.`,
    );
  await parts.inventory.clusters.remove(name);
  await parts.secrets.remove(`cluster/${name}/password`);
};

export const clusterService = (parts: ClusterServiceParts): Services['clusters'] => ({
  add: (input) => add(parts, input),
  async list() {
    const records = await parts.inventory.clusters.list();
    return Promise.all(records.map((record) => view(record, () => parts.clients.get(record.name))));
  },
  show: async (name) => view(await parts.clients.record(name), () => parts.clients.get(name)),
  remove: (name) => remove(parts, name),
});
