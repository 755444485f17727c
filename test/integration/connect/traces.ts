import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { EsNode } from '../../elasticsearch/node.ts';

interface SearchAnswer {
  readonly _clusters: { readonly successful: number; readonly skipped: number };
  readonly hits: { readonly total: { readonly value: number } };
}

/** Searches the remote cluster through one node of the local one; `skip_unavailable` hides what fails, so look at `_clusters` too. */
export const searchAcross = (local: EsCluster, alias: string, node = 0): Promise<SearchAnswer> =>
  local.call('GET', `/${alias}:logs-*/_search`, undefined, { node }) as Promise<SearchAnswer>;

/** An index with one shard, which has a replica where there is a node for it, and so many documents. */
export const fill = async (cluster: EsCluster, index: string, documents: number): Promise<void> => {
  const replicas = cluster.nodes.length > 1 ? 1 : 0;
  await cluster.call('PUT', `/${index}`, { settings: { number_of_shards: 1, number_of_replicas: replicas } });
  const lines = Array.from({ length: documents }, (_, i) => `{"index":{}}\n{"message":"${cluster.name} ${i}"}\n`);
  await cluster.call('POST', `/${index}/_bulk?refresh=true`, lines.join(''));
  await cluster.call('GET', `/_cluster/health/${index}?wait_for_status=green&timeout=60s`);
};

export const settingsFile = (node: EsNode): string => readFileSync(join(node.configDir, 'elasticsearch.yml'), 'utf8');

/** How often each node was started since its cluster was made, which starts it once. */
export const restarts = (...clusters: readonly EsCluster[]): Record<string, number> =>
  Object.fromEntries(clusters.flatMap(({ nodes }) => nodes).map((node) => [node.name, node.starts() - 1]));

/** Everything that a change of a node leaves behind on its host: its starts, and each file of its configuration with its bytes. */
export const traces = (...clusters: readonly EsCluster[]): Record<string, unknown> =>
  Object.fromEntries(
    clusters.flatMap(({ nodes }) => nodes).map((node) => [node.name, { starts: node.starts(), files: filesOf(node) }]),
  );

const filesOf = ({ configDir }: EsNode): Record<string, string> => {
  const entries = readdirSync(configDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'latin1')]));
};
