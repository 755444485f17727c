import { messageOf } from '@remora/shared/errors.ts';
import type { SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { publishedParts } from '../../plan/connection/published-address.ts';
import { hasPlaceholder } from '../../plan/node/loaded.ts';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import { itemsOf } from '../../plan/node/nodes.ts';
import { signingKeystore } from '../../plan/node/placed-files.ts';
import { type ServingPurpose, servingPurposes, sslPrefix } from '../../plan/node/ssl.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import { type ConfiguredCertificate, configuredCertificates } from './ssl-certificates.ts';

/** What a port of a node serves, seen by a handshake from that node. */
export interface ServedCertificate {
  readonly purpose: ServingPurpose;
  /** The address at which it is published, and the name where the host has one. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** Leaf first; empty when there was no handshake. */
  readonly chain: readonly SeenCertificate[];
  /** Why there was none; empty when there was one, trusted or not. */
  readonly error: string;
}

/** What is known of the certificates of one node: its settings and files as its agent sees them, and what its ports serve. */
export interface NodeCertificates extends NodeId {
  /** Null when the agent could not say. */
  readonly facts: Pick<NodeFacts, 'settingsFile' | 'files' | 'configDir'> | null;
  /** What stands in the files that it is configured with, as Elasticsearch tells it; asked where keystores or truststores are named, empty else. */
  readonly configured: readonly ConfiguredCertificate[];
  readonly served: readonly ServedCertificate[];
  /** What could not be looked at, and why. */
  readonly problems: readonly string[];
}

const READ_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 5000;

const settingsToRead = [...Object.values(sslPrefix).map((prefix) => `${prefix}.*`), 'remote_cluster_server.enabled'];

type Values = NodeFacts['settingsFile']['values'];

/** The paths that a setting names, of those that hold certificates. */
export const pathsIn = (values: Values, name: string): string[] => itemsOf(values[name]);

const filesOf = (values: Values): string[] => [
  ...new Set(
    Object.values(sslPrefix).flatMap((prefix) =>
      ['certificate', 'key', 'keystore.path', 'certificate_authorities', 'truststore.path'].flatMap((name) =>
        pathsIn(values, `${prefix}.${name}`),
      ),
    ),
  ),
];

export type PublishAddresses = Readonly<Partial<Record<ServingPurpose, string>>>;

/** Where the nodes of a cluster publish their ports, by name of the node. */
export const publishAddresses = async (
  parts: Pick<ObserveParts, 'clients'>,
  cluster: string,
): Promise<ReadonlyMap<string, PublishAddresses>> => {
  interface Published {
    readonly publish_address?: string;
  }
  type Node = { readonly name: string } & Partial<Record<ServingPurpose, Published>>;
  const client = await parts.clients.get(cluster);
  const answer = await client.transport.request<{ readonly nodes: Readonly<Record<string, Node>> }>({
    method: 'GET',
    path: `/_nodes/${[...servingPurposes].sort().join(',')}`,
  });
  return new Map(
    Object.values(answer.nodes).map((node) => [
      node.name,
      Object.fromEntries(
        servingPurposes.flatMap((purpose) => {
          const address = node[purpose]?.publish_address;
          return address === undefined ? [] : [[purpose, address]];
        }),
      ),
    ]),
  );
};

/** OpenSSL ends some of its errors with a line feed; here each is part of a sentence. */
const oneLine = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');

/** One handshake that trusts nothing: what is served is asked, not whether it is trusted. */
const look = async (
  parts: ObserveParts,
  node: NodeId,
  purpose: ServingPurpose,
  address: string,
): Promise<ServedCertificate> => {
  const { names, port } = publishedParts(address);
  const input = { host: names.at(-1) ?? '', port, timeoutMs: PROBE_TIMEOUT_MS, tls: { judge: true } };
  const at = { purpose, hosts: names, port };
  try {
    const { tcp, detail, tls } = await parts.agents.read(node, 'probe', input, { timeoutMs: PROBE_TIMEOUT_MS * 3 });
    if (tls === undefined) return { ...at, chain: [], error: oneLine(`${tcp}: ${detail}`) };
    return { ...at, chain: tls.chain, error: tls.chain.length > 0 ? '' : oneLine(tls.error) };
  } catch (error) {
    return { ...at, chain: [], error: oneLine(messageOf(error)) };
  }
};

/** Keystores and truststores have passwords, which Elasticsearch has and an agent does not: the node is asked what they hold. */
const storesOf = async (
  parts: ObserveParts,
  node: NodeId,
  values: Values,
): Promise<Pick<NodeCertificates, 'configured' | 'problems'>> => {
  const named = Object.keys(values).some((name) => /\.(keystore|truststore)\.path$/.test(name));
  if (!named) return { configured: [], problems: [] };
  try {
    return { configured: await configuredCertificates(parts, node), problems: [] };
  } catch (error) {
    return { configured: [], problems: [`What its keystores hold is not known: ${oneLine(messageOf(error))}`] };
  }
};

const observeNode = async (
  parts: ObserveParts,
  node: NodeId,
  addresses: PublishAddresses | undefined,
  signing: readonly string[],
): Promise<NodeCertificates> => {
  const read = (settings: string[], files: string[]): Promise<NodeFacts> =>
    parts.agents.read(
      node,
      'inspect',
      { settings, files, keystore: false, judge: true },
      { timeoutMs: READ_TIMEOUT_MS },
    );
  try {
    const { settingsFile } = await read(settingsToRead, []);
    const named = filesOf(settingsFile.values);
    const paths = [...named.filter((path) => !hasPlaceholder(path)), ...signing];
    const enabled = servingPurposes.filter((purpose) => settingsFile.values[`${sslPrefix[purpose]}.enabled`] !== false);
    const [{ files, configDir }, stores, ...served] = await Promise.all([
      read([], paths),
      storesOf(parts, node, settingsFile.values),
      ...enabled.flatMap((purpose) => {
        const address = addresses?.[purpose];
        return address === undefined ? [] : [look(parts, node, purpose, address)];
      }),
    ]);
    const problems = [
      ...(settingsFile.refusal === null ? [] : [settingsFile.refusal]),
      ...stores.problems,
      ...named
        .filter(hasPlaceholder)
        .map((path) => `elasticsearch.yml names ${path}, whose placeholder only Elasticsearch knows.`),
    ];
    return {
      ...{ ...node, facts: { settingsFile, files, configDir }, configured: stores.configured },
      ...{ served, problems },
    };
  } catch (error) {
    return { ...node, facts: null, configured: [], served: [], problems: [messageOf(error)] };
  }
};

/** Where the ports of a cluster's nodes are, or why that is not known. */
interface ClusterPorts {
  readonly addresses: ReadonlyMap<string, PublishAddresses>;
  readonly problems: readonly string[];
}

const portsOf = async (parts: ObserveParts, cluster: string): Promise<ClusterPorts> => {
  try {
    return { addresses: await publishAddresses(parts, cluster), problems: [] };
  } catch (error) {
    return { addresses: new Map(), problems: [`Where its ports are is not known: ${messageOf(error)}`] };
  }
};

/** So many nodes are looked at side by side: each answer is held in memory, and the agents' answers come through one event loop. */
const NODES_AT_ONCE = 64;

/** Looks at the certificates of all nodes that have an agent. Changes nothing; what cannot be looked at is said. */
export const observeCertificates = async (parts: ObserveParts): Promise<NodeCertificates[]> => {
  const [nodes, signers] = await Promise.all([
    parts.inventory.nodes.list(),
    parts.inventory.signingCertificates.list(),
  ]);
  const signing = Map.groupBy(signers, nodeKey);
  const clusters = [...new Set(nodes.map(({ cluster }) => cluster))];
  const ports = new Map(await Promise.all(clusters.map(async (name) => [name, await portsOf(parts, name)] as const)));
  const seen: NodeCertificates[] = [];
  const waiting = nodes.values();
  const lookAtNext = async (): Promise<void> => {
    for (const { cluster, node } of waiting) {
      const { addresses, problems } = ports.get(cluster) ?? { addresses: new Map(), problems: [] };
      const found = await observeNode(
        parts,
        { cluster, node },
        addresses.get(node),
        (signing.get(nodeKey({ cluster, node })) ?? []).map(({ alias }) => signingKeystore(alias)),
      );
      seen.push({ ...found, problems: [...found.problems, ...problems] });
    }
  };
  await Promise.all(Array.from({ length: NODES_AT_ONCE }, lookAtNext));
  return seen.sort((a, b) => nodeKey(a).localeCompare(nodeKey(b), 'en', { numeric: true }));
};
