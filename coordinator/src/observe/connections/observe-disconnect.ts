import { RemoraError } from '@remora/shared/errors.ts';
import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import {
  type AnyConnectionRecord,
  type ConnectionRecord,
  isByCertificate,
  isForeign,
} from '../../plan/connection/connection-records.ts';
import { unseenCluster } from '../../plan/connection/unseen-cluster.ts';
import type { DisconnectFacts } from '../../plan/disconnect/facts.ts';
import type { ClusterObservation, KeyObservation } from '../../plan/facts.ts';
import { isKeyOf } from '../../plan/keys/key-names.ts';
import { asKeyConnection } from '../../plan/migrate/records.ts';
import type { ApiKeyRecord } from '../../plan/records.ts';
import { observeTransport } from '../certificates/observe-transport.ts';
import { observeKeys } from '../keys/observe-keys.ts';
import { observeWhole } from '../observe-nodes.ts';
import type { RollbackParts } from '../observe-rollback.ts';
import { observeGoneLocal, observeGoneRemote } from './gone-cluster.ts';
import { observeRemoteRoles } from './observe-remote-roles.ts';
import { observeRolesOf } from './observe-roles.ts';
import { type LivingKeys, observeFollowers, observeLivingKeys } from './other-users.ts';

/** `not-found` that says which connections there are. */
const recordOf = (all: readonly AnyConnectionRecord[], { local, alias }: DisconnectRequest): AnyConnectionRecord => {
  const found = all.find((one) => one.local === local && one.alias === alias);
  if (found) return found;
  const known = all.map((one) => `${one.local}/${one.alias}`);
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
  { local, alias }: AnyConnectionRecord,
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

/** What is seen of the local cluster of a connection, and who replicates over it. */
const localOf = async (
  parts: RollbackParts,
  { local: name, alias }: AnyConnectionRecord,
  { localGone }: DisconnectRequest,
): Promise<Pick<DisconnectFacts, 'local' | 'goneNodes' | 'goneAnswer' | 'goneDeployment' | 'followers' | 'roles'>> => {
  if (localGone) return { ...(await observeGoneLocal(parts, name)), followers: [], roles: [] };
  const local = await observeWhole(parts, name);
  const [followers, roles] = await Promise.all([
    observeFollowers(await parts.clients.get(name), name, alias),
    observeRolesOf(parts, local, { local: name, alias }),
  ]);
  return { local, followers, roles };
};

/** Roles that Remora made on a remote cluster that is asked. */
const rolesOf = async (
  parts: RollbackParts,
  connection: AnyConnectionRecord,
  { remoteGone }: DisconnectRequest,
  remote: ClusterObservation,
): Promise<Pick<DisconnectFacts, 'remoteRoles'>> => {
  if (remoteGone || isForeign(connection)) return {};
  const remoteRoles = await observeRemoteRoles(parts, connection, remote);
  return remoteRoles ? { remoteRoles } : {};
};

/** The transport ports of the remote cluster, where they trust those of a local one that is gone. */
const transportOf = async (
  parts: RollbackParts,
  connection: AnyConnectionRecord,
  { localGone, remoteGone }: DisconnectRequest,
): Promise<Pick<DisconnectFacts, 'transport'>> => {
  if (!localGone || remoteGone || !('transport' in connection) || isForeign(connection)) return {};
  const [remote, deploymentTrusts] = await Promise.all([
    observeTransport(parts, connection.remote),
    parts.inventory.deploymentTrusts.list(),
  ]);
  return { transport: { remote, deploymentTrusts } };
};

/** What is seen of the remote cluster of a connection: of one that others run, nothing. */
const remoteOf = async (
  parts: RollbackParts,
  connection: AnyConnectionRecord,
  { remoteGone }: DisconnectRequest,
): Promise<ClusterObservation> => {
  if (isForeign(connection)) return unseenCluster(connection.foreign.name, connection.foreign.clusterUuid ?? '');
  return remoteGone ? observeGoneRemote(parts.clients, connection.remote) : observeWhole(parts, connection.remote);
};

/** Keys and certificates on record that belong to a connection, or to its remote cluster. */
const recordsOf = async ({ inventory }: RollbackParts, connection: AnyConnectionRecord) => {
  if (isForeign(connection)) return { ours: [], certificates: [] };
  const { remote } = connection;
  const [apiKeys, certificates] = await Promise.all([inventory.apiKeys.list(), inventory.certificates.list()]);
  return {
    ours: apiKeys.filter((record) => isKeyOf(record, connection)),
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === remote && purpose === 'remote_cluster_server',
    ),
  };
};

/** The keys of a connection as the remote cluster knows them; of one that is not asked as they stand on record. */
const observedKeys = async (
  parts: RollbackParts,
  connection: AnyConnectionRecord,
  asked: Omit<KeysAsked, 'connection'>,
  remote: ClusterObservation | null,
): Promise<Keys> => {
  if (isForeign(connection) || isByCertificate(connection)) return noKeys;
  if (remote === null) return { ...noKeys, keys: asked.ours.map((record) => ({ record, usable: false })) };
  return seesKeys(remote) ? keysOf(parts, { connection, ...asked }) : noKeys;
};

/** Gathers everything that the disconnect planner looks at. Changes nothing; `not-found` for a connection that Remora does not manage. */
export const observeDisconnect = async (
  parts: RollbackParts,
  request: DisconnectRequest,
  planId: string,
): Promise<DisconnectFacts> => {
  const { inventory } = parts;
  const connections = await inventory.connections.list();
  const found = recordOf(connections, request);
  const connection = isByCertificate(found) ? asKeyConnection(found) : found;
  const [{ local, ...seen }, transport, remote, cas, { ours, certificates }, signers, secretVersions, busy] =
    await Promise.all([
      localOf(parts, connection, request),
      transportOf(parts, connection, request),
      remoteOf(parts, connection, request),
      inventory.cas.list(),
      recordsOf(parts, connection),
      inventory.signingCertificates.list(),
      parts.secretVersions(),
      busyRuns(parts, connection, planId),
    ]);
  const asked = { ours, localUuid: local.clusterUuid, secretVersions };
  const { keys, strays, others } = await observedKeys(parts, connection, asked, request.remoteGone ? null : remote);
  return {
    ...{ connection, local, remote, connections, cas, certificates, signers, keys, strays, otherKeys: others },
    ...{ ...seen, ...transport, busy, secretVersions },
    ...(await rolesOf(parts, connection, request, remote)),
  };
};
