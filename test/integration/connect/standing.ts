import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { keystoreEntries } from '../../../agent/src/keystore/entries.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { EsNode } from '../../elasticsearch/node.ts';

/** One node as a connection may change it. */
interface StandingNode {
  /** Each file of its configuration with owner, mode and bytes; of a keystore, whose bytes are others after each write, without them. */
  readonly files: Record<string, { readonly owner: string; readonly mode: string; bytes: string | null }>;
  readonly entries: Record<string, string>;
}

const KEYSTORE = 'elasticsearch.keystore';

/** Names of a node's keystore with their values, sorted. */
const entriesOf = ({ configDir }: EsNode, password?: string): Record<string, string> =>
  Object.fromEntries(
    [...keystoreEntries(readFileSync(join(configDir, KEYSTORE)), password)]
      .map(([name, value]) => [name, value.toString('latin1')])
      .sort(),
  );

export const standingNode = (node: EsNode, password?: string): StandingNode => {
  const paths = readdirSync(node.configDir, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.map((path) => {
    const stat = statSync(join(node.configDir, path));
    const hasBytes = stat.isFile() && path !== KEYSTORE;
    const bytes = hasBytes ? readFileSync(join(node.configDir, path), 'latin1') : null;
    return [path, { owner: `${stat.uid}:${stat.gid}`, mode: stat.mode.toString(8), bytes }];
  });
  return { files: Object.fromEntries(files), entries: entriesOf(node, password) };
};

interface Key {
  readonly id: string;
  readonly invalidated: boolean;
}

interface Settings {
  readonly nodes: Record<string, { readonly name: string; readonly settings: Record<string, unknown> }>;
}

interface StandingCluster {
  readonly settings: unknown;
  readonly livingKeys: readonly Key[];
  /** What each process started with. */
  readonly loaded: Record<string, Record<string, unknown>>;
}

const inCluster = async (cluster: EsCluster): Promise<StandingCluster> => {
  const [settings, keys, { nodes }] = await Promise.all([
    cluster.call('GET', '/_cluster/settings?flat_settings=true'),
    cluster.call('GET', '/_security/api_key') as Promise<{ api_keys: readonly Key[] }>,
    cluster.call('GET', '/_nodes/settings?flat_settings=true') as Promise<Settings>,
  ]);
  return {
    settings,
    // Elasticsearch lists them in no order, and in another one after a key was changed.
    livingKeys: keys.api_keys.filter(({ invalidated }) => !invalidated).sort((a, b) => (a.id < b.id ? -1 : 1)),
    loaded: Object.fromEntries(Object.values(nodes).map((node) => [node.name, node.settings])),
  };
};

interface Standing {
  readonly nodes: Record<string, StandingNode>;
  readonly clusters: Record<string, StandingCluster>;
}

/**
 * An agent that is asked whether a directory can be written makes a file there for a moment, and somebody may ask at any time. One that stays is a fault,
 * and shows as an error here.
 */
const withoutTrial = ({ name, configDir }: EsNode): Promise<void> =>
  vi.waitFor(() => {
    const trials = readdirSync(configDir).filter((file) => file.startsWith('.remora-trial-'));
    if (trials.length > 0) throw new Error(`${name} still has ${trials.join(', ')}`);
  }, 10_000);

/** Everything that a connection may change on these clusters and their nodes, to be compared one by one. */
export const standing = async (...clusters: readonly EsCluster[]): Promise<Standing> => {
  const inClusters = await Promise.all(
    clusters.map(async (cluster) => [cluster.name, await inCluster(cluster)] as const),
  );
  const nodes: Standing['nodes'] = {};
  for (const node of clusters.flatMap((cluster) => cluster.nodes)) {
    await withoutTrial(node);
    nodes[node.name] = standingNode(node);
  }
  return { nodes, clusters: Object.fromEntries(inClusters) };
};

/** Somebody writes into the elasticsearch.yml of a cluster's first node, and `expected` is what is to stand once the node has started with it. */
export const writeSince = ({ name, nodes: [node] }: EsCluster, expected: Standing): void => {
  const since = '# Since then.\naction.destructive_requires_name: true\n';
  const file = expected.nodes[node?.name ?? '']?.files['elasticsearch.yml'];
  const loaded = expected.clusters[name]?.loaded[node?.name ?? ''];
  if (!node || !file || !loaded) throw new Error(`it was not noted how the first node of ${name} stands`);
  appendFileSync(join(node.configDir, 'elasticsearch.yml'), since);
  file.bytes += since;
  loaded['action.destructive_requires_name'] = 'true';
};
