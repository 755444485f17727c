import { freePorts } from '../../elasticsearch/ports.ts';
import { until } from '../../support/fake-gateway.ts';
import type { Bed } from '../stack/bed.ts';
import { type CheapCluster, createCheapCluster, startCluster } from './cluster.ts';
import { processesFor } from './processes.ts';

export interface CheapBed extends Bed {
  readonly clusters: readonly CheapCluster[];
}

/** Nodes of the remote and of the local cluster. */
const REMOTE_NODES = 2;
const LOCAL_NODES = 1;
/** A second or two of work, a quarter of a minute for an interrupted call, and a machine that may be busy. */
const RUN_LIMIT_MS = 180_000;

/** An HTTP port and one for the remote cluster server, for each node. */
const pairsOfPorts = async (count: number): Promise<[number, number][]> => {
  const ports = await freePorts(2 * count);
  return Array.from({ length: count }, (_, i) => [ports[2 * i] ?? 0, ports[2 * i + 1] ?? 0]);
};

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
};

/** A remote cluster `us` and a local one `eu` of cheap nodes, in this directory. */
export const createCheapBed = async (directory: string): Promise<CheapBed> => {
  const clusters = [
    await createCheapCluster(directory, 'us', await pairsOfPorts(REMOTE_NODES)),
    await createCheapCluster(directory, 'eu', await pairsOfPorts(LOCAL_NODES)),
  ];
  return {
    clusters,
    stateDirs: clusters.map(({ stateDir }) => stateDir),
    runLimitMs: RUN_LIMIT_MS,
    begin: async () => {
      await Promise.all(clusters.map(startCluster));
    },
    async end() {
      for (const { configDir } of clusters.flatMap(({ nodes }) => nodes)) {
        await until('no process of a node is left', () => {
          const pids = processesFor(configDir);
          for (const pid of pids) killQuietly(pid);
          return pids.length === 0;
        });
      }
    },
  };
};
