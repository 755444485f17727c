import { inCluster } from '../connection/alias-place.ts';
import {
  type AnyConnectionRecord,
  adoptedIn,
  type ConnectionRecord,
  isForeign,
  keyConnections,
} from '../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { connectingNodes, fileSetting, itemsOf } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';

const PREFIX = sslPrefix.remote_cluster_client;

const truststoreOf = (node: NodeObservation): string | null => {
  const path = fileSetting(node, `${PREFIX}.truststore.path`) ?? null;
  return path === null ? null : String(path);
};

/** Nodes that cannot be given a CA file; a sentence each. */
export const truststoreProblems = (local: ClusterObservation): string[] =>
  connectingNodes(local, inCluster).flatMap((node) => {
    const path = truststoreOf(node);
    return path === null
      ? []
      : [
          `Node ${node.name} of cluster ${local.name} trusts remote clusters by a truststore (${PREFIX}.truststore.path: ${path}), which Elasticsearch does not take together with certificate_authorities: give its CAs as PEM in certificate_authorities instead.`,
        ];
  });

const namesNone = (node: NodeObservation): boolean =>
  node.agent.state === 'online' &&
  itemsOf(fileSetting(node, `${PREFIX}.certificate_authorities`)).length === 0 &&
  truststoreOf(node) === null;

/** What people connected without naming a CA lives on Java's public ones: Remora's CA file does not hold theirs. */
const adoptedProblems = (local: ClusterObservation, others: readonly ConnectionRecord[]): string[] => {
  const nodes = connectingNodes(local, inCluster).filter(namesNone);
  if (nodes.length === 0) return [];
  return others
    .filter((one) => adoptedIn(one)?.trust === true)
    .map(
      ({ alias, ca }) =>
        `The connection ${local.name}/${alias}, which people made, lives on Java's public CAs, which ${nodes.map(({ name }) => name).join(', ')} trust${nodes.length > 1 ? '' : 's'} no more once a CA file is named for another: name the root that its certificates lead to (on record as CA ${ca}) as a PEM file in ${PREFIX}.certificate_authorities there first, and restart.`,
    );
};

/** Other connections of a local cluster that need Java's public CAs, which its nodes trust only while nothing names others; a sentence each. */
export const publicTrustProblems = (
  connections: readonly AnyConnectionRecord[],
  local: ClusterObservation,
  { alias }: Pick<ConnectionRecord, 'alias'>,
): string[] => {
  const others = connections.filter((one) => one.local === local.name && one.alias !== alias);
  const foreign = others
    .filter((one) => isForeign(one) && one.cas.length === 0)
    .map(
      (one) =>
        `The connection ${local.name}/${one.alias} lives on Java's public CAs, which the nodes of cluster ${local.name} trust no more once a CA file is named for another: give it its root first, with \`remora connect ${local.name} --alias ${one.alias} --remote-key-file FILE --remote-ca ROOT.pem\`.`,
    );
  return [...foreign, ...adoptedProblems(local, keyConnections(others))];
};

/** Nodes that do not trust Java's public CAs for remote clusters, and why; a sentence each. */
export const notPublicProblems = (local: ClusterObservation): string[] =>
  connectingNodes(local, inCluster).flatMap((node) => {
    const named = itemsOf(fileSetting(node, `${PREFIX}.certificate_authorities`));
    const [path = truststoreOf(node)] = named;
    return path === null
      ? []
      : [
          `Node ${node.name} of cluster ${local.name} trusts for remote clusters what ${path} holds, and so none of Java's public CAs: instead of --remote-ca public give --remote-ca FILE, with the root certificate that the remote cluster's certificates lead to, which then goes into the CA file too.`,
        ];
  });
