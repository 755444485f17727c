import { expect } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { Fleet } from '../../support/fleet.ts';
import { traces } from './traces.ts';

/** A command that is expected to be refused, and what must be as it was afterwards. */
export class Refusals {
  readonly #fleet: Fleet;
  readonly #clusters: readonly EsCluster[];

  constructor(fleet: Fleet, ...clusters: readonly EsCluster[]) {
    this.#fleet = fleet;
    this.#clusters = clusters;
  }

  /** Expects exit 64, each sentence on stderr, and that no node, no file, no key and no run came of it. */
  async expect(args: readonly string[], ...sentences: readonly (string | RegExp)[]): Promise<void> {
    const before = await this.#everything();
    const answer = await this.#fleet.cli(args);
    expect(answer.code, answer.stderr).toBe(64);
    for (const sentence of sentences) expect(answer.stderr).toMatch(sentence);
    expect(answer.stdout).toBe('');
    expect(await this.#everything()).toEqual(before);
  }

  async #everything(): Promise<unknown> {
    const ofClusters = await Promise.all(
      this.#clusters.map(async (cluster) => ({
        settings: await cluster.call('GET', '/_cluster/settings'),
        keys: (await cluster.raw('GET', '/_security/api_key?name=remora-*')).body,
      })),
    );
    const lists = await Promise.all(
      ['runs', 'clusters', 'nodes', 'connections'].map((what) => this.#fleet.json<unknown[]>([what, 'list'])),
    );
    return { ofClusters, ...counts(lists), hosts: traces(...this.#clusters) };
  }
}

const counts = ([runs, clusters, nodes, connections]: readonly unknown[][]) => ({
  runs,
  connections,
  clusters: clusters?.length,
  nodes: nodes?.length,
});
