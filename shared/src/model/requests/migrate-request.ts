import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { ConnectRequest, checkConnectRequest } from './connect-request.ts';

const { local, alias, seeds, proxyAddress, serverName, search, replication, access } = ConnectRequest.properties;
const { expires, metadata, ca, given, certValidity, sans, remoteHost, remotePort } = ConnectRequest.properties;

/**
 * What `migrate` asks for: a connection by certificate becomes one by API key, under the same alias and in the same mode. What concerns the key and the remote cluster
 * server is as `connect` takes it.
 */
export const MigrateRequest = Type.Object(
  {
    ...{ local, alias },
    to: Type.Literal('api_key'),
    /** The remote cluster, of a connection that Remora did not make. */
    remote: Type.Optional(ConnectRequest.properties.remote),
    /** Where the remote cluster server is reached. Absent in sniff mode: at the publish addresses of the remote nodes. */
    ...{ seeds, proxyAddress, serverName },
    ...{ search, replication, access, expires, metadata },
    ...{ ca, given, certValidity, sans, remoteHost, remotePort },
    /** The trust between the transport ports that the connection alone needed goes at the end, for which nodes restart once more. */
    removeTrust: Type.Optional(Type.Literal(true)),
    /** Roles on the remote cluster that Remora made for the connection by certificate, and that nobody else uses, go at the end. */
    removeRoles: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type MigrateRequest = Static<typeof MigrateRequest>;

/** Whether it says what the key shall grant. */
export const givesAccess = ({
  search,
  replication,
  access,
}: Pick<MigrateRequest, 'search' | 'replication' | 'access'>): boolean =>
  access !== undefined || (search ?? []).length + (replication ?? []).length > 0;

/** Throws `bad-input` that names what is wrong. */
export const checkMigrateRequest = ({ to, removeTrust, removeRoles, ...wish }: MigrateRequest): void => {
  if (to !== 'api_key')
    throw new RemoraError('bad-input', `--to ${String(to)}: connections are migrated to api_key alone.`);
  const mode = wish.proxyAddress === undefined && wish.serverName === undefined ? 'sniff' : 'proxy';
  // To take the trust or roles off a connection that has its key already, nothing has to be granted.
  const access = (removeTrust || removeRoles) && !givesAccess(wish) ? { search: ['*'] } : {};
  // The name of the remote cluster is looked up later; it only has to differ here.
  checkConnectRequest({ ...wish, ...access, mode, remote: wish.remote ?? `${wish.local}-remote` });
};
