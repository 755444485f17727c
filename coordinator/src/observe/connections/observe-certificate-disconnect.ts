import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import type { TransportFacts } from '../../plan/connect-certificate/facts.ts';
import type { CertificateDisconnectFacts } from '../../plan/disconnect-certificate/facts.ts';
import { isByCertificate } from '../../plan/records.ts';
import { observeTransport } from '../certificates/observe-transport.ts';
import type { RollbackParts } from '../observe-rollback.ts';
import { observeGone } from './gone-remote.ts';
import { busyRuns } from './observe-disconnect.ts';
import { observeRolesOf } from './observe-roles.ts';
import { observeFollowers } from './other-users.ts';

const observeGoneTransport = async ({ clients }: RollbackParts, name: string): Promise<TransportFacts> => ({
  cluster: await observeGone(clients, name),
  ...{ ports: new Map(), stores: new Map(), addresses: new Map(), anchors: new Map(), waysIn: new Map() },
});

/** Gathers what is looked at before a connection by certificate is taken apart; null for a connection that is none. Changes nothing. */
export const observeCertificateDisconnect = async (
  parts: RollbackParts,
  request: DisconnectRequest,
  planId: string,
): Promise<CertificateDisconnectFacts | null> => {
  const connections = await parts.inventory.connections.list();
  const connection = connections.find((one) => one.local === request.local && one.alias === request.alias);
  if (connection === undefined || !isByCertificate(connection)) return null;
  const [local, remote, secretVersions, busy, followers, deploymentTrusts] = await Promise.all([
    observeTransport(parts, connection.local),
    request.remoteGone ? observeGoneTransport(parts, connection.remote) : observeTransport(parts, connection.remote),
    parts.secretVersions(),
    busyRuns(parts, connection, planId),
    observeFollowers(await parts.clients.get(connection.local), connection.local, connection.alias),
    parts.inventory.deploymentTrusts.list(),
  ]);
  const roles = await observeRolesOf(parts, local.cluster, connection);
  return { connection, local, remote, connections, deploymentTrusts, secretVersions, busy, followers, roles };
};
