import type { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import { transportTargets } from '../../plan/connect-certificate/connect-certificate.ts';
import type { CertificateConnectFacts } from '../../plan/connect-certificate/facts.ts';
import { inCluster, isRegistered } from '../../plan/connection/alias-place.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import { observeTransport } from '../certificates/observe-transport.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import { observePaths } from './observe-connect.ts';
import { isProven, proveConnection } from './proof.ts';

/** Whether a connection without a key works now; null where its alias is not there. */
const observeKeylessProof = async (
  parts: ObserveParts,
  local: ClusterObservation,
  alias: string,
): Promise<boolean | null> =>
  isRegistered(local, { alias }) ? isProven(await proveConnection(parts, local.name, alias, null)) : null;

/** Gathers everything that the planner of a connection by certificate looks at. Changes nothing. */
export const observeCertificateConnect = async (
  parts: ObserveParts,
  request: CertificateConnectRequest,
): Promise<CertificateConnectFacts> => {
  const [local, remote, connections, secretVersions] = await Promise.all([
    observeTransport(parts, request.local),
    observeTransport(parts, request.remote),
    parts.inventory.connections.list(),
    parts.secretVersions(),
  ]);
  const [paths, proven] = await Promise.all([
    observePaths(parts, local.cluster, inCluster, transportTargets(remote, request)),
    local.cluster.security === 'on' ? observeKeylessProof(parts, local.cluster, request.alias) : null,
  ]);
  return { local, remote, connections, paths, secretVersions, proven };
};
