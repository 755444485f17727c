import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from '@remora/shared/model/run.ts';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import type { Fleet } from '../../support/fleet.ts';

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

/** The text that a unified diff makes of another one. */
export const patched = (text: string, diff: string): string => {
  const lines = text.split('\n');
  const [, ...hunks] = diff.split(/^@@ -(\d+),(\d+) \+\d+,\d+ @@\n/m);
  for (let at = hunks.length - 3; at >= 0; at -= 3) {
    const [first = 0, count = 0] = [Number(hunks[at]), Number(hunks[at + 1])];
    const kept = (hunks[at + 2] ?? '').split('\n').filter((line) => /^[ +]/.test(line));
    lines.splice(count === 0 ? first : first - 1, count, ...kept.map((line) => line.slice(1)));
  }
  return lines.join('\n');
};

/** Everything that a change leaves anywhere: on the hosts, in the data of the agents, in the clusters and in the store. */
export const everything = async (fleet: Fleet, ...clusters: readonly EsCluster[]): Promise<unknown> => {
  const inClusters = clusters.map(async (cluster) => ({
    settings: await cluster.call('GET', '/_cluster/settings'),
    keys: await cluster.call('GET', '/_security/api_key'),
  }));
  const kept = ['connections', 'secrets', 'ca'].map((what) => fleet.json([what, 'list']));
  const nodes = clusters.flatMap((cluster) => cluster.nodes);
  return {
    hosts: traces(...clusters),
    agents: Object.fromEntries(nodes.map(({ name }) => [name, bytesBelow(fleet.agentDirectory(name))])),
    clusters: await Promise.all(inClusters),
    store: [...(await Promise.all(kept)), (await fleet.json<Run[]>(['runs', 'list'])).length],
  };
};

/** Everything that a change of a node leaves behind on its host: its starts, and each file of its configuration with its bytes. */
export const traces = (...clusters: readonly EsCluster[]): Record<string, unknown> =>
  Object.fromEntries(
    clusters.flatMap(({ nodes }) => nodes).map((node) => [node.name, { starts: node.starts(), files: filesOf(node) }]),
  );

const filesOf = ({ configDir }: EsNode): Record<string, string> => bytesBelow(configDir);

const bytesBelow = (directory: string): Record<string, string> => {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'latin1')]));
};
