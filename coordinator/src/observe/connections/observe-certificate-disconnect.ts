import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import type { TransportFacts } from '../../plan/connect-certificate/facts.ts';
import { isByCertificate } from '../../plan/connection/connection-records.ts';
import type { CertificateDisconnectFacts } from '../../plan/disconnect-certificate/facts.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import { observeTransport } from '../certificates/observe-transport.ts';
import type { RollbackParts } from '../observe-rollback.ts';
import { observeGoneLocal, observeGoneRemote } from './gone-cluster.ts';
import { busyRuns } from './observe-disconnect.ts';
import { observeRemoteRoles } from './observe-remote-roles.ts';
import { observeRolesOf } from './observe-roles.ts';
import { observeFollowers } from './other-users.ts';

/** What is looked at of a cluster that is gone. */
const unseenTransport = (cluster: ClusterObservation): TransportFacts => ({
  cluster,
  ...{ ports: new Map(), stores: new Map(), addresses: new Map(), anchors: new Map(), waysIn: new Map() },
});

const localOf = async (
  parts: RollbackParts,
  { local: name, alias, localGone }: DisconnectRequest,
): Promise<Pick<CertificateDisconnectFacts, 'local' | 'goneNodes' | 'goneAnswer' | 'followers' | 'roles'>> => {
  if (localGone) {
    const { local, ...gone } = await observeGoneLocal(parts, name);
    return { local: unseenTransport(local), ...gone, followers: [], roles: [] };
  }
  const local = await observeTransport(parts, name);
  const [followers, roles] = await Promise.all([
    observeFollowers(await parts.clients.get(name), name, alias),
    observeRolesOf(parts, local.cluster, { local: name, alias }),
  ]);
  return { local, followers, roles };
};

/**
 * Gathers what is looked at before a connection by certificate is taken apart; null for a connection that is none, and for one that is half-way to API keys where its local
 * cluster is gone, so that nobody can bring it there: that has what both kinds have. Changes nothing.
 */
export const observeCertificateDisconnect = async (
  parts: RollbackParts,
  request: DisconnectRequest,
  planId: string,
): Promise<CertificateDisconnectFacts | null> => {
  const connections = await parts.inventory.connections.list();
  const connection = connections.find((one) => one.local === request.local && one.alias === request.alias);
  if (connection === undefined || !isByCertificate(connection)) return null;
  if (connection.migrating && request.localGone) return null;
  const [local, remote, secretVersions, busy, deploymentTrusts] = await Promise.all([
    localOf(parts, request),
    request.remoteGone
      ? observeGoneRemote(parts.clients, connection.remote).then(unseenTransport)
      : observeTransport(parts, connection.remote),
    parts.secretVersions(),
    busyRuns(parts, connection, planId),
    parts.inventory.deploymentTrusts.list(),
  ]);
  const remoteRoles = request.remoteGone ? undefined : await observeRemoteRoles(parts, connection, remote.cluster);
  const seen = { ...local, remote, connections, deploymentTrusts, secretVersions, busy };
  return { connection, ...seen, ...(remoteRoles ? { remoteRoles } : {}) };
};
