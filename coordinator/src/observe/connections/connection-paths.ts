import { messageOf } from '@remora/shared/errors.ts';
import type { ConnectionView, PathView } from '@remora/shared/model/inventory.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import type { OperationResult } from '@remora/shared/operations.ts';
import { listNodes } from '../../elasticsearch/observe-cluster.ts';
import { placeOf, settingsInForce } from '../../plan/connection/alias-place.ts';
import { proofHint } from '../../plan/connection/proof-hints.ts';
import { type DialTarget, dialTarget, proxyTarget } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { connectingNodes, fileSetting, itemsOf } from '../../plan/node/nodes.ts';
import { sslPrefix } from '../../plan/node/ssl.ts';
import { proxyOf } from '../../plan/rotate-ca/proofs.ts';
import { publishAddresses } from '../certificates/observe-certificates.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';

const PROBE_TIMEOUT_MS = 5000;

type Way = Pick<ConnectionView, 'local' | 'alias' | 'remote' | 'auth' | 'staticNodes'>;

const serverPorts = async (parts: ObserveParts, cluster: string): Promise<string[]> =>
  (await listNodes(await parts.clients.get(cluster))).flatMap(
    ({ remoteClusterServer }) => remoteClusterServer?.publishAddress ?? [],
  );

const transportPorts = async (parts: ObserveParts, cluster: string): Promise<string[]> =>
  [...(await publishAddresses(parts, cluster)).values()].flatMap(({ transport }) => transport ?? []);

/** What the remote nodes publish, in sniff mode; the seeds where the remote cluster is not known or does not answer. */
const sniffed = async (parts: ObserveParts, cluster: ClusterObservation, way: Way): Promise<DialTarget[]> => {
  const { remote, auth } = way;
  const seeds = itemsOf(settingsInForce(cluster, way).seeds);
  const first = seeds.map((address): DialTarget => ({ address, serverName: parseAddress(address).host }));
  if (remote === null) return first;
  try {
    const published = auth === 'certificate' ? await transportPorts(parts, remote) : await serverPorts(parts, remote);
    return published.length > 0 ? published.map(dialTarget) : first;
  } catch {
    return first;
  }
};

/** Where the nodes of a cluster connect to by an alias: through a proxy, or to what the remote nodes publish. */
export const targetsOf = (
  parts: ObserveParts,
  cluster: ClusterObservation,
  way: Way,
): Promise<DialTarget[]> | DialTarget[] => {
  const proxy = proxyOf(cluster, way);
  return proxy ? [proxyTarget(proxy)] : sniffed(parts, cluster, way);
};

const failed = (path: Pick<PathView, 'node' | 'address'>, step: 'tcp' | 'tls', error: string): PathView => ({
  ...{ ...path, ok: false, failed: step, error, hint: proofHint(error), certificate: null },
});

const viewOf = (path: Pick<PathView, 'node' | 'address'>, { tcp, detail, tls }: OperationResult<'probe'>): PathView => {
  if (tcp !== 'open') return failed(path, 'tcp', `${tcp}: ${detail}`);
  if (tls === undefined) return { ...path, ok: true, failed: null, error: null, hint: null, certificate: null };
  const [leaf] = tls.chain;
  const certificate = leaf
    ? { subject: leaf.subject, issuer: leaf.issuer, notAfter: leaf.notAfter, fingerprint256: leaf.fingerprint256 }
    : null;
  return tls.trusted
    ? { ...path, ok: true, failed: null, error: null, hint: null, certificate }
    : { ...failed(path, 'tls', tls.error), certificate };
};

/** The CAs by which a node trusts what it connects to; null where they stand in a truststore, which no agent opens. */
const trustOf = (node: NodeObservation, auth: ConnectionView['auth']): string[] | null => {
  const prefix = auth === 'certificate' ? sslPrefix.transport : sslPrefix.remote_cluster_client;
  const named = itemsOf(fileSetting(node, `${prefix}.certificate_authorities`));
  return named.length === 0 && auth === 'certificate' ? null : named;
};

/** A handshake as Elasticsearch would make it: with the CA files that the node's elasticsearch.yml names, to the name that it dials. */
const probe = async (
  parts: ObserveParts,
  { local: cluster, auth }: Way,
  node: NodeObservation,
  { address, serverName }: DialTarget,
): Promise<PathView> => {
  const path = { node: node.name, address };
  if (node.agent.state !== 'online') return failed(path, 'tcp', 'its agent is away, so nobody looked');
  const named = trustOf(node, auth);
  const tls = {
    ...(named?.length ? { certificateAuthorities: named } : {}),
    ...(serverName ? { serverName } : {}),
  };
  const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, ...(named === null ? {} : { tls }) };
  try {
    const at = { cluster, node: node.name };
    return viewOf(path, await parts.agents.read(at, 'probe', input, { timeoutMs: PROBE_TIMEOUT_MS * 3 }));
  } catch (error) {
    return failed(path, 'tcp', messageOf(error));
  }
};

/**
 * Every way that a connection takes: from each node of the local cluster that makes connections to each address that it connects to, how far one comes. What holds
 * here is TCP and TLS; whether the key is taken `proveConnection` tells. Changes nothing; throws where the local cluster cannot be looked at.
 */
export const observePathsOf = async (parts: ObserveParts, way: Way): Promise<PathView[]> => {
  const { local } = way;
  const cluster = await observeWhole(parts, local);
  const targets = await targetsOf(parts, cluster, way);
  const nodes = connectingNodes(cluster, placeOf(way)).toSorted((a, b) =>
    a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  return Promise.all(nodes.flatMap((node) => targets.map((target) => probe(parts, way, node, target))));
};
