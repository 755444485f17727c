import { RemoraError } from '@remora/shared/errors.ts';
import type { DisconnectRequest } from '@remora/shared/model/disconnect-request.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import type { DisconnectFacts } from '../plan/disconnect/facts.ts';
import type { ClusterObservation, KeyObservation } from '../plan/facts.ts';
import { type AnyConnectionRecord, type ApiKeyRecord, type ConnectionRecord, keyConnections } from '../plan/records.ts';
import { observeGone } from './gone-remote.ts';
import { observeKeys } from './observe-keys.ts';
import { observeWhole } from './observe-nodes.ts';
import type { RollbackParts } from './observe-rollback.ts';
import { type LivingKeys, observeFollowers, observeLivingKeys } from './other-users.ts';

/** `not-found` that says which connections there are. */
const recordOf = (all: readonly AnyConnectionRecord[], { local, alias }: DisconnectRequest): ConnectionRecord => {
  const connections = keyConnections(all);
  const found = connections.find((one) => one.local === local && one.alias === alias);
  if (found) return found;
  const known = connections.map((one) => `${one.local}/${one.alias}`);
  throw new RemoraError(
    'not-found',
    `Remora manages no connection "${alias}" of cluster ${local}. ${known.length === 0 ? 'There are none.' : `There ${known.length > 1 ? 'are' : 'is'} ${known.join(', ')}.`}`,
    { hint: 'See `remora connections list`. What others made is theirs to take apart.' },
  );
};

/** What a run was made for, as far as it is a connection. */
interface Ends {
  readonly local?: string;
  readonly alias?: string;
}

/** Runs that have not ended and were made for this connection; not the one whose plan is made again. */
export const busyRuns = async (
  parts: RollbackParts,
  { local, alias }: Pick<ConnectionRecord, 'local' | 'alias'>,
  planId: string,
): Promise<string[]> => {
  const open = (await parts.history.records()).filter(
    ({ status, head }) => !isEnded(status) && head.planId !== planId && head.clusters.includes(local),
  );
  const found = await Promise.all(
    open.map(async ({ head }) => {
      const { wanted, title } = await parts.history.planOf(head.runId);
      const ends = (wanted ?? {}) as Ends;
      return ends.local === local && ends.alias === alias ? [`run ${head.runId} (${title})`] : [];
    }),
  );
  return found.flat();
};

const seesKeys = ({ security, missingPrivileges }: ClusterObservation): boolean =>
  security === 'on' && !missingPrivileges.includes('manage_security');

interface Keys extends LivingKeys {
  readonly keys: readonly KeyObservation[];
}

const noKeys: Keys = { keys: [], strays: [], others: [] };

interface KeysAsked {
  readonly connection: ConnectionRecord;
  readonly ours: readonly ApiKeyRecord[];
  readonly localUuid: string;
  readonly secretVersions: Readonly<Record<string, number>>;
}

const keysOf = async ({ clients, clock }: RollbackParts, asked: KeysAsked): Promise<Keys> => {
  const { connection, ours, localUuid, secretVersions } = asked;
  const client = await clients.get(connection.remote);
  const keys = await observeKeys(client, ours, secretVersions, clock());
  return { keys, ...(await observeLivingKeys(client, { connection, localUuid, keys }, clock())) };
};

/** Gathers everything that the disconnect planner looks at. Changes nothing; `not-found` for a connection that Remora does not manage. */
export const observeDisconnect = async (
  parts: RollbackParts,
  request: DisconnectRequest,
  planId: string,
): Promise<DisconnectFacts> => {
  const { inventory, clients } = parts;
  const connections = await inventory.connections.list();
  const connection = recordOf(connections, request);
  const [local, remote, cas, certificates, apiKeys, secretVersions, busy] = await Promise.all([
    observeWhole(parts, connection.local),
    request.remoteGone ? observeGone(clients, connection.remote) : observeWhole(parts, connection.remote),
    inventory.cas.list(),
    inventory.certificates.list(),
    inventory.apiKeys.list(),
    parts.secretVersions(),
    busyRuns(parts, connection, planId),
  ]);
  const ours = apiKeys.filter(
    ({ cluster, secret }) =>
      cluster === connection.remote && secret.startsWith(`secret:connection/${connection.local}/${connection.alias}/`),
  );
  const [{ keys, strays, others }, followers] = await Promise.all([
    request.remoteGone
      ? { ...noKeys, keys: ours.map((record) => ({ record, usable: false })) }
      : seesKeys(remote)
        ? keysOf(parts, { connection, ours, localUuid: local.clusterUuid, secretVersions })
        : noKeys,
    observeFollowers(await clients.get(connection.local), connection.local, connection.alias),
  ]);
  return {
    ...{ connection, local, remote, connections, cas, keys, strays, otherKeys: others },
    ...{ followers, busy, secretVersions },
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === connection.remote && purpose === 'remote_cluster_server',
    ),
  };
};
