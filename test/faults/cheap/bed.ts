import { freePorts } from '../../elasticsearch/ports.ts';
import { CloudApi } from '../../support/cloud-api.ts';
import { until } from '../../support/fake-gateway.ts';
import type { Bed } from '../stack/bed.ts';
import { type CheapCluster, createCheapCluster, type Ports, startCluster } from './cluster.ts';
import { processesFor } from './processes.ts';

export interface CheapBed extends Bed {
  readonly clusters: readonly CheapCluster[];
  readonly cloud: CloudApi;
}

/** Nodes of the remote and of the local cluster. */
const REMOTE_NODES = 2;
const LOCAL_NODES = 1;
/** A second or two of work, a quarter of a minute for an interrupted call, and a machine that may be busy. */
const RUN_LIMIT_MS = 180_000;

const portsFor = async (count: number): Promise<Ports[]> => {
  const ports = await freePorts(3 * count);
  return Array.from({ length: count }, (_, i) => [ports[3 * i] ?? 0, ports[3 * i + 1] ?? 0, ports[3 * i + 2] ?? 0]);
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
    await createCheapCluster(directory, 'us', await portsFor(REMOTE_NODES)),
    await createCheapCluster(directory, 'eu', await portsFor(LOCAL_NODES)),
  ];
  const cloud = await CloudApi.start();
  return {
    clusters,
    cloud,
    stateDirs: clusters.map(({ stateDir }) => stateDir),
    runLimitMs: RUN_LIMIT_MS,
    begin: async () => {
      cloud.deployments.length = 0;
      cloud.add({ id: 'd1', name: 'logs', keystore: { other: 'theirs' } });
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
    close: () => cloud[Symbol.asyncDispose](),
  };
};
