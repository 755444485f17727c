import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { describeCertificate, parsePemBundle } from '../../pki/describe.ts';
import { type AnyConnectionRecord, isByCertificate, keyConnections } from '../../plan/connection/connection-records.ts';
import type { PlaceFacts, TrustingCluster } from '../../plan/place/facts.ts';
import { otherNodes } from '../connections/observe-connect.ts';
import { withJudgedFiles } from '../judged-files.ts';
import { observeClients } from '../observe-clients.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';
import { publishAddresses } from './observe-certificates.ts';
import { filesToJudge, observePorts, observeStores } from './observe-ports.ts';
import { observeTransport } from './observe-transport.ts';

/** Clusters that are connected with this one by certificates, each once. */
const observePeers = async (
  parts: ObserveParts,
  cluster: string,
  connections: readonly AnyConnectionRecord[],
): Promise<TrustingCluster[]> => {
  const own = connections.filter(isByCertificate).filter(({ local, remote }) => [local, remote].includes(cluster));
  const others = Map.groupBy(own, ({ local, remote }) => (local === cluster ? remote : local));
  return Promise.all(
    [...others].map(async ([name, shared]) => ({ facts: await observeTransport(parts, name), connections: shared })),
  );
};

/** Gathers everything that the planner of a placement looks at. Changes nothing. */
export const observePlacement = async (parts: ObserveParts, request: PlaceRequest): Promise<PlaceFacts> => {
  const { urls, caPem } = await parts.clients.record(request.cluster);
  const [bare, addresses, certificates, joined, signed, cas, secretVersions] = await Promise.all([
    observeWhole(parts, request.cluster),
    publishAddresses(parts, request.cluster),
    parts.inventory.certificates.list(),
    parts.inventory.nodes.list(),
    parts.inventory.signingRequests.list(),
    parts.inventory.cas.list(),
    parts.secretVersions(),
  ]);
  const [nodes, ports] = await Promise.all([
    Promise.all(bare.nodes.map((node) => withJudgedFiles(parts, request.cluster, node, filesToJudge(node, request)))),
    observePorts(parts, request, bare, addresses),
  ]);
  const connections = await parts.inventory.connections.list();
  const deploymentTrusts = await parts.inventory.deploymentTrusts.list();
  const isServer = request.purpose === 'remote_cluster_server';
  const clients = await observeClients(parts, { ...bare, nodes }, isServer ? keyConnections(connections) : []);
  const trusted =
    caPem === null
      ? null
      : { pem: caPem, fingerprints: parsePemBundle(caPem).map((pem) => describeCertificate(pem).fingerprint256) };
  return {
    cluster: { ...bare, nodes },
    urlHosts: urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, '')),
    ...clients,
    ...{ trusted, ports, signed, cas, secretVersions, stores: await observeStores(parts, request, nodes) },
    peers: request.purpose === 'transport' ? await observePeers(parts, request.cluster, connections) : [],
    deploymentTrusts: deploymentTrusts.filter(({ cluster }) => cluster === request.cluster),
    otherNodes: otherNodes(joined, [request.cluster]),
    certificates: certificates.filter(
      ({ cluster, purpose }) => cluster === request.cluster && purpose === request.purpose,
    ),
  };
};
