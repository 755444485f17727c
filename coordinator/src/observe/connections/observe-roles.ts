import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { RoleMark } from '@remora/shared/model/keys/role-mark.ts';
import type { RoleApplyRequest, RoleRemoveRequest } from '@remora/shared/model/requests/role-request.ts';
import { explain } from '../../elasticsearch/client.ts';
import {
  findKeyGrants,
  findRole,
  findUser,
  lackedPrivileges,
  listRoles,
  listUsers,
  logsIn,
  mappingsOf,
  remoteClusterPrivileges,
} from '../../elasticsearch/security.ts';
import { type AnyConnectionRecord, isForeign } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import type { ConnectionSeen, RoleFacts, RoleRemovalFacts, RoleSide, UserWanted } from '../../plan/roles/facts.ts';
import type { KeyGrants } from '../../plan/roles/key-coverage.ts';
import { markOfRole } from '../../plan/roles/wanted.ts';
import type { ObserveParts } from '../observe-nodes.ts';

type RoleParts = Pick<ObserveParts, 'clients' | 'inventory' | 'secretVersions' | 'secretValue'>;

/** As Elasticsearch has it. */
const SHORTEST_PASSWORD = 6;

/** A connection that is on record, whatever lets users in over it. Throws `not-found`. */
export const connectionOf = async (
  { inventory }: Pick<RoleParts, 'inventory'>,
  { local, alias }: { readonly local: string; readonly alias: string },
): Promise<AnyConnectionRecord> => {
  const connection = await inventory.connections.get(`${local}/${alias}`);
  if (connection) return connection;
  throw new RemoraError('not-found', `Remora manages no connection "${alias}" of cluster ${local}.`, {
    hint: 'See `remora connections list`.',
  });
};

/** A connection as roles look at it. */
export const seenConnection = (record: AnyConnectionRecord): ConnectionSeen => {
  const { local, alias, auth: model } = record;
  return { local, alias, model, remote: isForeign(record) ? record.foreign.name : record.remote };
};

const sideOf = async ({ clients }: Pick<RoleParts, 'clients'>, cluster: string, name: string): Promise<RoleSide> => {
  const client = await clients.get(cluster);
  try {
    const [info, missingPrivileges, { roles: ownRoles }] = await Promise.all([
      client.info(),
      lackedPrivileges(client, cluster, ['manage_security']),
      client.security.authenticate(),
    ]);
    const role = missingPrivileges.length > 0 ? null : await findRole(client, cluster, name);
    return { cluster, version: info.version.number, missingPrivileges, ownRoles, role };
  } catch (error) {
    throw explain(error, cluster, `Looking at role ${name}`);
  }
};

/** The sides on which a role of the name is wanted. */
const sidesOf = async (
  parts: Pick<RoleParts, 'clients'>,
  record: AnyConnectionRecord,
  name: string,
): Promise<Pick<RoleFacts, 'local' | 'remote'>> => {
  const isOnBoth = record.auth === 'certificate' && !isForeign(record);
  const [local, remote] = await Promise.all([
    sideOf(parts, record.local, name),
    isOnBoth ? sideOf(parts, record.remote, name) : undefined,
  ]);
  return { local, ...(remote ? { remote } : {}) };
};

/** What the key of a connection grants, or a sentence that says why that cannot be told; null where certificates let users in. */
export const keyGrantsOf = async (
  { clients, inventory }: Pick<RoleParts, 'clients' | 'inventory'>,
  record: AnyConnectionRecord,
): Promise<KeyGrants | string | null> => {
  if (record.auth === 'certificate') return null;
  if (isForeign(record)) return 'Somebody else runs the remote cluster, and Remora does not ask it.';
  const key = await inventory.apiKeys.get(record.keySecret);
  if (key === null) return 'The connection has no key on record.';
  try {
    const grants = await findKeyGrants(await clients.get(record.remote), record.remote, key.id);
    return grants ?? `API key ${key.id} is not valid any more in cluster ${record.remote}.`;
  } catch (error) {
    return messageOf(error);
  }
};

/** A user of a cluster, and whether it logs in with a password. */
export const userWithPassword = async (
  { clients }: Pick<RoleParts, 'clients'>,
  cluster: string,
  name: string,
  value: string,
): Promise<UserWanted> => {
  const body = await findUser(await clients.get(cluster), cluster, name);
  if (value.length < SHORTEST_PASSWORD) return { name, body, password: 'short' };
  if (body === null) return { name, body, password: 'other' };
  const record = await clients.record(cluster);
  const fits = await logsIn({ ...record, user: name, password: value });
  return { name, body, password: fits ? 'fits' : 'other' };
};

const userOf = async (
  parts: RoleParts,
  cluster: string,
  { name, password }: NonNullable<RoleApplyRequest['user']>,
): Promise<UserWanted> => {
  const found = async (known: UserWanted['password']): Promise<UserWanted> => {
    const body = await findUser(await parts.clients.get(cluster), cluster, name);
    return { name, body, password: known };
  };
  if (password === undefined) return found('none');
  const value = await parts.secretValue(password).catch((error: unknown) => {
    if (error instanceof RemoraError && error.code === 'not-found') return null;
    throw error;
  });
  return value === null ? found('unkept') : userWithPassword(parts, cluster, name, value);
};

/** Names of the roles of a local cluster that Remora made for a connection; none where Remora may not ask. */
export const observeRolesOf = async (
  { clients }: Pick<RoleParts, 'clients'>,
  cluster: Pick<ClusterObservation, 'name' | 'security' | 'missingPrivileges'>,
  { local, alias }: { readonly local: string; readonly alias: string },
): Promise<string[]> => {
  if (cluster.security === 'off' || cluster.missingPrivileges.includes('manage_security')) return [];
  const roles = await listRoles(await clients.get(cluster.name), cluster.name);
  const isOfIt = (mark: RoleMark | null): boolean => mark?.local === local && mark.alias === alias;
  return [...roles].flatMap(([name, role]) => (isOfIt(markOfRole(role)) ? [name] : [])).sort();
};

/** Gathers everything that the planner of a role looks at. Throws `not-found` for a connection that is not on record. */
export const observeRole = async (parts: RoleParts, request: RoleApplyRequest): Promise<RoleFacts> => {
  const record = await connectionOf(parts, request);
  const { local } = record;
  const [sides, known, secretVersions, key] = await Promise.all([
    sidesOf(parts, record, request.name),
    remoteClusterPrivileges(await parts.clients.get(local), local),
    parts.secretVersions(),
    keyGrantsOf(parts, record),
  ]);
  const mayAsk = request.user !== undefined && sides.local.missingPrivileges.length === 0;
  const user = mayAsk && request.user ? await userOf(parts, local, request.user) : undefined;
  return {
    connection: seenConnection(record),
    ...sides,
    isItself: await isItself(parts, record),
    remoteClusterPrivileges: known,
    ...(user ? { user } : {}),
    ...(key === null ? {} : { key }),
    secretVersions,
  };
};

const isItself = async ({ clients }: Pick<RoleParts, 'clients'>, record: AnyConnectionRecord): Promise<boolean> => {
  const { clusterUuid } = await clients.record(record.local);
  if (isForeign(record)) return record.foreign.clusterUuid === clusterUuid;
  return (await clients.record(record.remote)).clusterUuid === clusterUuid;
};

/** The cluster that has a role of the name which was made for the connection, as its mark says; one that does not answer is passed over. */
const markedElsewhere = async (
  { clients, inventory }: Pick<RoleParts, 'clients' | 'inventory'>,
  { local, alias, name }: RoleRemoveRequest,
): Promise<string | undefined> => {
  for (const { name: cluster } of await inventory.clusters.list()) {
    if (cluster === local) continue;
    const role = await clients
      .get(cluster)
      .then((client) => findRole(client, cluster, name))
      .catch(() => null);
    const mark = markOfRole(role);
    if (mark?.local === local && mark.alias === alias) return cluster;
  }
  return undefined;
};

/**
 * The other side of a role that is removed: where certificates let users in, where they did so when it was made, and where that side alone has it. A connection that is not on record any more is known
 * by the role's mark alone.
 */
const otherSideOf = async (
  parts: Pick<RoleParts, 'clients' | 'inventory'>,
  request: RoleRemoveRequest,
  { role }: RoleSide,
): Promise<RoleSide | null> => {
  const { clients, inventory } = parts;
  const { local, alias, name } = request;
  const mark = markOfRole(role);
  const record = await inventory.connections.get(`${local}/${alias}`);
  const known = record === null ? mark?.remote : isForeign(record) ? undefined : record.remote;
  const remote = known ?? (record === null && role === null ? await markedElsewhere(parts, request) : undefined);
  const isOnBoth = record?.auth === 'certificate' || mark?.auth === 'certificate' || role === null;
  if (!isOnBoth || remote === undefined || (await inventory.clusters.get(remote)) === null) return null;
  return sideOf({ clients }, remote, name);
};

/** Gathers everything that the planner of a role's removal looks at. */
export const observeRoleRemoval = async (
  parts: Pick<RoleParts, 'clients' | 'inventory'>,
  request: RoleRemoveRequest,
): Promise<RoleRemovalFacts> => {
  const local = await sideOf(parts, request.local, request.name);
  const remote = await otherSideOf(parts, request, local);
  const none = { local, ...(remote ? { remote } : {}), users: [], mappings: [] };
  if (local.missingPrivileges.length > 0) return none;
  const client = await parts.clients.get(request.local);
  const [users, mappings] = await Promise.all([
    listUsers(client, request.local),
    mappingsOf(client, request.local, request.name),
  ]);
  const having = [...users].filter(([, { roles }]) => roles.includes(request.name));
  return { ...none, users: having.map(([name, body]) => ({ name, body })), mappings };
};
