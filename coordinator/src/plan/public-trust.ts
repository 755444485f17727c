import type { ClusterObservation, NodeObservation } from './facts.ts';
import { connectingNodes, fileSetting, itemsOf } from './nodes.ts';
import { type AnyConnectionRecord, isForeign } from './records.ts';
import { sslPrefix } from './ssl.ts';

const PREFIX = sslPrefix.remote_cluster_client;

const truststoreOf = (node: NodeObservation): string | null => {
  const path = fileSetting(node, `${PREFIX}.truststore.path`) ?? null;
  return path === null ? null : String(path);
};

/** Nodes that cannot be given a CA file; a sentence each. */
export const truststoreProblems = (local: ClusterObservation): string[] =>
  connectingNodes(local).flatMap((node) => {
    const path = truststoreOf(node);
    return path === null
      ? []
      : [
          `Node ${node.name} of cluster ${local.name} trusts remote clusters by a truststore (${PREFIX}.truststore.path: ${path}), which Elasticsearch does not take together with certificate_authorities: give its CAs as PEM in certificate_authorities instead.`,
        ];
  });

/** Other connections of a local cluster that need Java's public CAs, which its nodes trust only while nothing names others; a sentence each. */
export const publicTrustProblems = (
  connections: readonly AnyConnectionRecord[],
  { local, alias }: { readonly local: string; readonly alias: string },
): string[] =>
  connections
    .filter((one) => one.local === local && one.alias !== alias && isForeign(one) && one.cas.length === 0)
    .map(
      (one) =>
        `The connection ${local}/${one.alias} lives on Java's public CAs, which the nodes of cluster ${local} trust no more once a CA file is named for another: give it its root first, with \`remora connect ${local} --alias ${one.alias} --remote-key-file FILE --remote-ca ROOT.pem\`.`,
    );

/** Nodes that do not trust Java's public CAs for remote clusters, and why; a sentence each. */
export const notPublicProblems = (local: ClusterObservation): string[] =>
  connectingNodes(local).flatMap((node) => {
    const named = itemsOf(fileSetting(node, `${PREFIX}.certificate_authorities`));
    const [path = truststoreOf(node)] = named;
    return path === null
      ? []
      : [
          `Node ${node.name} of cluster ${local.name} trusts for remote clusters what ${path} holds, and so none of Java's public CAs: instead of --remote-ca public give --remote-ca FILE, with the root certificate that the remote cluster's certificates lead to, which then goes into the CA file too.`,
        ];
  });
