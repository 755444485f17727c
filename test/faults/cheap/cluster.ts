import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../../../agent/src/system/process-table.ts';
import { cheapNode } from '../../support/cheap-node/processes.ts';
import { until } from '../../support/fake-gateway.ts';
import { writeEntries } from '../../support/keystore-file.ts';
import type { BedCluster, BedNode } from '../stack/bed.ts';
import { type ClusterState, idOf, type LiveNode } from './state.ts';

export interface CheapCluster extends BedCluster {
  readonly stateDir: string;
}

/** Of HTTP, of the remote cluster server, and of transport. */
export type Ports = readonly [http: number, remote: number, transport: number];

const startCommand = join(import.meta.dirname, 'start.sh');
const stopCommand = cheapNode('stop.sh');

/** What the start command needs beside ES_PATH_CONF; compiled code is kept, since a node starts often. */
export const nodeEnvironment = {
  CHEAP_NODE_EXECUTABLE: process.execPath,
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../../../.cache/compiled'),
};

const settingsText = (cluster: CheapCluster, node: BedNode, ports: Ports): string =>
  [
    `cluster.name: ${cluster.name}`,
    `node.name: ${node.name}`,
    '# Only this machine reaches it.',
    'network.host: 127.0.0.1',
    `http.port: ${ports[0]}`,
    `remote_cluster.port: ${ports[1]}`,
    `transport.port: ${ports[2]}`,
    '# How often a process looks at its files. Those of cheap nodes do it sooner.',
    'resource.reload.interval.high: 500ms',
    `cheap.state: ${cluster.stateDir}`,
    `cheap.password: ${cluster.password}`,
    `cheap.nodes: [${cluster.nodes.map(({ name }) => name).join(', ')}]`,
    '',
  ].join('\n');

const createNode = async (cluster: CheapCluster, node: BedNode, ports: Ports): Promise<void> => {
  for (const part of ['config', 'bin']) await mkdir(join(node.home, part), { recursive: true });
  await writeFile(join(node.configDir, 'elasticsearch.yml'), settingsText(cluster, node, ports));
  writeEntries(node.configDir, { 'keystore.seed': 'theirs' });
  await symlink(join(import.meta.dirname, 'elasticsearch-keystore'), join(node.home, 'bin/elasticsearch-keystore'));
};

/** Makes a cluster of as many nodes as there are triples of ports. Shard allocation stands at what an operator once set. */
export const createCheapCluster = async (
  directory: string,
  name: string,
  ports: readonly Ports[],
): Promise<CheapCluster> => {
  const nodes = ports.map(([http], index) => {
    const node = `${name}-${index + 1}`;
    const home = join(directory, node);
    return {
      name: node,
      cluster: name,
      home,
      configDir: join(home, 'config'),
      url: `http://127.0.0.1:${http}`,
      startCommand,
      stopCommand,
    };
  });
  const access = { user: 'elastic', password: `${name}-password`, caPath: null };
  const cluster = { name, ...access, stateDir: join(directory, `${name}.state`), nodes };
  await mkdir(join(cluster.stateDir, 'nodes'), { recursive: true });
  const state: ClusterState = {
    uuid: idOf(directory + name),
    persistent: { 'cluster.routing.allocation.enable': 'all' },
    transient: {},
    keys: [],
    roles: {},
    users: {},
  };
  await writeFile(join(cluster.stateDir, 'state.json'), JSON.stringify(state));
  for (const [index, node] of nodes.entries()) await createNode(cluster, node, ports[index] ?? [0, 0, 0]);
  return cluster;
};

/** The running process of a node; null when none runs. */
export const processOf = ({ stateDir }: CheapCluster, { name }: BedNode): LiveNode | null => {
  try {
    const live = JSON.parse(readFileSync(join(stateDir, 'nodes', `${name}.json`), 'utf8')) as LiveNode;
    return isAlive(live.identity) ? live : null;
  } catch {
    return null;
  }
};

const scriptEnvironment = (node: BedNode) => ({ ...process.env, ...nodeEnvironment, ES_PATH_CONF: node.configDir });

/** Starts all nodes; effects are counted from here on. */
export const startCluster = async (cluster: CheapCluster): Promise<void> => {
  await writeFile(join(cluster.stateDir, 'effects.jsonl'), '');
  for (const node of cluster.nodes) execFileSync(startCommand, { env: scriptEnvironment(node), stdio: 'ignore' });
  await until(`the nodes of ${cluster.name} run`, () => cluster.nodes.every((node) => processOf(cluster, node)));
};
