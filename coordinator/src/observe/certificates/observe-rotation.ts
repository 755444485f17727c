import { messageOf } from '@remora/shared/errors.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { placeOf } from '../../plan/connection/alias-place.ts';
import { type ConnectionRecord, keyConnections } from '../../plan/connection/connection-records.ts';
import { type DialTarget, dialTarget, proxyTarget } from '../../plan/connection/published-address.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { connectingNodes, fileSetting, itemsOf } from '../../plan/node/nodes.ts';
import { sslPrefix } from '../../plan/node/ssl.ts';
import { meantCertificates } from '../../plan/rotate/chosen.ts';
import type { RotateFacts } from '../../plan/rotate/facts.ts';
import { meantSigners } from '../../plan/rotate/signers.ts';
import type { TrustObservation } from '../../plan/trust/trust.ts';
import type { ProxyWay } from '../../plan/trust/trusting-node.ts';
import { type ObserveParts, observeWhole } from '../observe-nodes.ts';

const PROBE_TIMEOUT_MS = 5000;

/** By name: a cluster as it was seen, or why it could not be. */
export type Looked = ReadonlyMap<string, ClusterObservation | string>;

/** Each cluster, or a sentence that says why it could not be looked at. */
export const lookAt = async (parts: ObserveParts, clusters: Iterable<string>): Promise<Looked> =>
  new Map(
    await Promise.all(
      [...new Set(clusters)].sort().map(async (name): Promise<[string, ClusterObservation | string]> => {
        try {
          return [name, await observeWhole(parts, name)];
        } catch (error) {
          return [name, messageOf(error)];
        }
      }),
    ),
  );

/** A way from a node that connects to a remote cluster. */
export interface Way {
  readonly remote: ClusterObservation;
  readonly alias: string;
  readonly cluster: string;
  readonly node: NodeObservation;
  /** Null where it connects to the nodes themselves. */
  readonly proxy: ProxyWay | null;
}

/** Where a node connects to: through the proxy, or to the first node that listens. */
const targetOf = ({ remote, proxy }: Way): DialTarget | null => {
  if (proxy) return proxyTarget(proxy);
  const published = remote.nodes.find(({ remoteClusterServer }) => remoteClusterServer)?.remoteClusterServer;
  return published ? dialTarget(published.publishAddress) : null;
};

/** Whether a node trusts what it is served now: what it does not trust before, it need not trust afterwards. */
export const observeTrust = async (parts: ObserveParts, way: Way): Promise<TrustObservation> => {
  const { remote, alias, cluster, node, proxy } = way;
  const certificateAuthorities = itemsOf(
    fileSetting(node, `${sslPrefix.remote_cluster_client}.certificate_authorities`),
  );
  const isAway = node.agent.state !== 'online';
  const found = { remote: remote.name, alias, cluster, node: node.name, certificateAuthorities, isAway };
  const answer = (problem: string | null) => ({ ...found, isDirect: proxy === null, problem });
  const target = targetOf(way);
  if (isAway) return answer('its agent is away.');
  if (target === null) return answer(`no node of ${remote.name} listens for remote clusters.`);
  const { address, serverName } = target;
  try {
    const tls = { certificateAuthorities, ...(serverName ? { serverName } : {}) };
    const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, tls };
    const at = { cluster, node: node.name };
    const shown = await parts.agents.read(at, 'probe', input, { timeoutMs: PROBE_TIMEOUT_MS * 3 });
    if (shown.tls === undefined) return answer(`it does not reach ${address} (${shown.tcp}: ${shown.detail}).`);
    return answer(shown.tls.trusted ? null : `it does not trust what ${address} serves now (${shown.tls.error}).`);
  } catch (error) {
    return answer(messageOf(error));
  }
};

/** Nodes of local clusters that connect by themselves; those that go through a proxy do not reach the nodes behind it. */
export const observeAllTrust = async (
  parts: ObserveParts,
  looked: Looked,
  connections: readonly ConnectionRecord[],
): Promise<TrustObservation[]> => {
  const pairs = new Map(
    connections.map((one) => [JSON.stringify([one.local, one.remote, one.staticNodes]), one] as const),
  );
  const asked = [...pairs.values()].flatMap((connection) => {
    const { local, remote, alias } = connection;
    const [from, to] = [looked.get(local), looked.get(remote)];
    return typeof from === 'object' && typeof to === 'object'
      ? connectingNodes(from, placeOf(connection)).map((node) =>
          observeTrust(parts, { remote: to, alias, cluster: local, node, proxy: null }),
        )
      : [];
  });
  return Promise.all(asked);
};

/** Local clusters that could not be looked at: a sentence each. */
export const unaskedIn = (looked: Looked): string[] =>
  [...looked].flatMap(([name, found]) =>
    typeof found === 'string'
      ? [`Nodes of cluster ${name} are not asked whether they trust the new certificates: ${found}`]
      : [],
  );

/** Gathers everything that the planner of a rotation looks at. Changes nothing; throws `bad-input` where there is nothing to choose from. */
export const observeRotation = async (parts: ObserveParts, request: RotateRequest): Promise<RotateFacts> => {
  const [certificates, signers, cas, all, secretVersions] = await Promise.all([
    parts.inventory.certificates.list(),
    parts.inventory.signingCertificates.list(),
    parts.inventory.cas.list(),
    parts.inventory.connections.list(),
    parts.secretVersions(),
  ]);
  const connections = keyConnections(all);
  const remotes = new Set(meantCertificates(request, certificates, signers).map(({ cluster }) => cluster));
  const signing = new Set(meantSigners(request, signers).map(({ cluster }) => cluster));
  const direct = connections.filter(({ remote, mode }) => remotes.has(remote) && mode === 'sniff');
  const looked = await lookAt(parts, [...remotes, ...signing, ...direct.map(({ local }) => local)]);
  const problems = [...looked].flatMap(([name, found]) => (typeof found === 'string' ? [[name, found] as const] : []));
  return {
    clusters: [...looked.values()].filter((found) => typeof found === 'object'),
    unseen: new Map(problems.filter(([name]) => remotes.has(name) || signing.has(name))),
    unasked: unaskedIn(new Map([...looked].filter(([name]) => !remotes.has(name) && !signing.has(name)))),
    trust: await observeAllTrust(parts, looked, direct),
    ...{ certificates, signers, cas, connections, secretVersions },
  };
};
