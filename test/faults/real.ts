import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { EsCluster } from '../elasticsearch/cluster.ts';
import { createCluster } from '../elasticsearch/create.ts';
import { observe } from './baseline.ts';
import type { Judge } from './case.ts';
import { staleDeliveries } from './checks/fences.ts';
import { differences } from './checks/final-state.ts';
import { auditFits, nothingIsHeld, nothingStaged, runIsDone } from './checks/invariants.ts';
import { type Lane, newDirectory } from './lanes.ts';
import type { Bed } from './stack/bed.ts';
import { Stack } from './stack/stack.ts';

const NODES = 3;
const READY_LIMIT_MS = 600_000;
/** Three nodes, one after the other, on a machine that may have other work. */
const RUN_LIMIT_MS = 20 * 60_000;

/** Three real Elasticsearch nodes with an index that has replicas; they run on from case to case. */
const realBed = (cluster: EsCluster): Bed => ({
  clusters: [
    {
      ...{ name: cluster.name, user: cluster.user, password: cluster.password, caPath: cluster.caPath },
      nodes: cluster.nodes.map(({ name, home, configDir, url, startCommand, stopCommand }) => ({
        ...{ name, cluster: cluster.name, home, configDir, url, startCommand, stopCommand },
      })),
    },
  ],
  stateDirs: [],
  cloud: null,
  runLimitMs: RUN_LIMIT_MS,
  begin: () => cluster.waitUntilReady(READY_LIMIT_MS),
  end: () => Promise.resolve(),
  close: () => Promise.resolve(),
});

const digestsIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(directory, path)).isFile())
    .map(
      (path) =>
        `${path} ${createHash('sha256')
          .update(readFileSync(join(directory, path)))
          .digest('hex')}`,
    )
    .sort();

/** What a restart has to leave as it was: every file, the cluster's settings with shard allocation, and the living API keys. */
const standing = async (cluster: EsCluster) => ({
  files: Object.fromEntries(cluster.nodes.map(({ name, configDir }) => [name, digestsIn(configDir)])),
  settings: await cluster.call('GET', '/_cluster/settings?flat_settings=true'),
  keys: await cluster.call('GET', '/_security/api_key?active_only=true'),
});

const startsOf = (cluster: EsCluster): number[] => cluster.nodes.map((node) => node.starts());

/** A lane with one real cluster, in which `restart` is broken. */
export const openRealLane = async (): Promise<Lane> => {
  const cluster = await createCluster({ name: 'us', nodes: NODES });
  const close = async (stack?: Stack): Promise<void> => {
    await stack?.close();
    await cluster.close();
  };
  let opened: Stack | undefined;
  try {
    await cluster.start();
    await cluster.waitUntilReady(READY_LIMIT_MS);
    await cluster.call('PUT', '/logs-app', { settings: { number_of_shards: 2, number_of_replicas: 1 } });
    const stack = await Stack.create(await newDirectory(), async () => realBed(cluster));
    opened = stack;
    const restart = await observe(stack, 'restart', () => standing(cluster));
    let starts = startsOf(cluster);
    const judge: Judge = async ({ run, maybeTwice, fences }) => {
      const [before, now] = [starts, startsOf(cluster)];
      starts = now;
      const restarted = cluster.nodes.flatMap(({ name }, index) => {
        const times = (now[index] ?? 0) - (before[index] ?? 0);
        return times === 1 || (times === 2 && name === maybeTwice)
          ? []
          : [`${name} was restarted ${times} times and not 1`];
      });
      const ended = { stack, run, wantedRestarts: restart.restarts };
      return [
        ...runIsDone(ended),
        ...restarted,
        ...(await nothingIsHeld(ended)),
        ...nothingStaged(ended),
        ...(await auditFits(ended)),
        ...staleDeliveries(stack, fences),
        ...differences(restart.left, await standing(cluster), 'left behind'),
      ];
    };
    return { stack, observed: { restart }, judge: () => judge, [Symbol.asyncDispose]: () => close(stack) };
  } catch (error) {
    await close(opened);
    throw error;
  }
};
