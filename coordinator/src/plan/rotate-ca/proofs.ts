import { parseAddress } from '@remora/shared/model/values/address.ts';
import { settingsInForce } from '../connection/alias-place.ts';
import { type ConnectionRecord, proofOf } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { AnyStep } from '../steps.ts';
import type { TrustObservation } from '../trust/trust.ts';
import type { ProxyWay } from '../trust/trusting-node.ts';
import type { CaRotationFacts } from './facts.ts';

/** What a cluster connects through by this alias; null of one that connects to the nodes themselves. */
export const proxyOf = (...[cluster, one]: Parameters<typeof settingsInForce>): ProxyWay | null => {
  const { proxy_address: address, server_name: serverName } = settingsInForce(cluster, one);
  if (address === undefined) return null;
  return { address: parseAddress(String(address)), serverName: serverName === undefined ? null : String(serverName) };
};

/** Connections that lead to the same remote cluster by the same way, once. */
export const ways = (connections: readonly ConnectionRecord[], clusters: readonly ClusterObservation[]) => {
  const all = connections.flatMap((connection) => {
    const cluster = clusters.find(({ name }) => name === connection.local);
    return cluster ? [{ connection, proxy: proxyOf(cluster, connection) }] : [];
  });
  return [
    ...new Map(
      all.map((one) => [
        JSON.stringify([one.connection.local, one.connection.remote, one.connection.staticNodes, one.proxy]),
        one,
      ]),
    ).values(),
  ];
};

/** Whether a node is asked: it trusted what was served before, or nobody could ask it since its agent was away. */
const isAsked = ({ problem, isAway }: TrustObservation): boolean => problem === null || isAway;

/** Handshakes of every node that connects, trusting one CA alone. */
export const handshakeSteps = (
  connections: readonly ConnectionRecord[],
  { clusters, trust }: Pick<CaRotationFacts, 'clusters' | 'trust'>,
  ca: string,
  stage: string,
): AnyStep[] =>
  ways(connections, clusters).flatMap(({ connection: { local, remote, alias }, proxy }) =>
    trust
      .filter((one) => one.cluster === local && one.alias === alias && isAsked(one))
      .map(
        ({ node, certificateAuthorities }): AnyStep => ({
          ...{ id: `${stage}-${local}.${node}.${alias}`, kind: 'handshake.verify', target: node, effect: 'none' },
          ...{ reason: `what ${remote} serves must be trusted by CA ${ca} alone`, diff: '', stage },
          input: { cluster: local, node, certificateAuthorities, remote, ca, proxy },
        }),
      ),
  );

/** Proofs of the connections that work now: what does not work before need not work afterwards. */
export const crossSteps = (
  connections: readonly ConnectionRecord[],
  { problems }: CaRotationFacts,
  stage: 'cross' | 'cross-again',
): AnyStep[] =>
  connections
    .filter(({ local, alias }) => problems.get(`${local}/${alias}`) === null)
    .map((one) => ({
      ...{ id: `${stage}-${one.local}.${one.alias}`, kind: 'connection.prove', target: one.local, effect: 'none' },
      ...{ reason: 'the connection must work as it did', diff: '', stage, input: proofOf(one) },
    }));
