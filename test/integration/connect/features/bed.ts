import type { Run } from '@remora/shared/model/run.ts';
import { expect } from 'vitest';
import type { EsCluster } from '../../../elasticsearch/cluster.ts';
import { startClusters } from '../../../elasticsearch/create.ts';
import { Fleet } from '../../../support/fleet.ts';
import { fill } from '../traces.ts';

export const DOCUMENTS = 10;

/** What suites on one pair of clusters share: `us` with one node, `eu` with two and the connection `us`. Each suite uses an alias and keys of its own. */
export class Bed implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly us: EsCluster;
  readonly eu: EsCluster;
  readonly #stack: AsyncDisposableStack;

  private constructor(fleet: Fleet, us: EsCluster, eu: EsCluster, stack: AsyncDisposableStack) {
    this.fleet = fleet;
    this.us = us;
    this.eu = eu;
    this.#stack = stack;
  }

  /** All restarts that connections need are made here: a further alias needs none. */
  static async start(): Promise<Bed> {
    await using stack = new AsyncDisposableStack();
    const [fleet, clusters] = await Promise.all([
      Fleet.start(),
      startClusters({ name: 'us' }, { name: 'eu', nodes: 2 }),
    ]);
    const [us, eu] = clusters as [EsCluster, EsCluster];
    for (const one of [us, eu, fleet]) stack.use(one);
    await Promise.all([fill(us, 'logs-1', DOCUMENTS), ...[us, eu].map((cluster) => fleet.add(cluster))]);
    const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--expires', '90d'];
    expect(await fleet.json<Run>([...connect, '--accept-outage', '--yes'])).toMatchObject({ status: 'succeeded' });
    return new Bed(fleet, us, eu, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
