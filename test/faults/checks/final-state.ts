import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keys } from '../../../coordinator/src/store/keys.ts';
import { readEntries } from '../../support/keystore-file.ts';
import type { CheapBed } from '../cheap/bed.ts';
import { type CheapCluster, processOf } from '../cheap/cluster.ts';
import type { ClusterState } from '../cheap/state.ts';
import type { BedNode } from '../stack/bed.ts';
import type { Stack } from '../stack/stack.ts';

/** Path below a directory, mode and owner of everything in it. */
const treeOf = (directory: string, leaveOut: RegExp | null): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => leaveOut === null || !leaveOut.test(path))
    .map((path) => {
      const { mode, uid, gid } = statSync(join(directory, path));
      return `${path} ${mode.toString(8)} ${uid}:${gid}`;
    });

/** Folders of the journal and logs of starts are named by digests, and there are more of them after a run that was taken up again. */
const withoutDigests = (paths: readonly string[]): string[] =>
  [
    ...new Set(paths.map((path) => path.replace(/[0-9a-f]{16,}/g, 'DIGEST').replace(/(before|logs)\/\d+/, '$1/N'))),
  ].sort();

const nodeState = (cluster: CheapCluster, node: BedNode) => ({
  settings: readFileSync(join(node.configDir, 'elasticsearch.yml'), 'utf8'),
  // Values of secrets are other ones in each run; whether they work is proven by the connection.
  keystore: Object.keys(readEntries(node.configDir)).sort(),
  files: treeOf(node.configDir, null).sort(),
  settingsOfProcess: processOf(cluster, node)?.settings ?? null,
  servesRemotes: processOf(cluster, node)?.remotePort ?? null,
});

export const clusterStateOf = ({ stateDir }: CheapCluster): ClusterState =>
  JSON.parse(readFileSync(join(stateDir, 'state.json'), 'utf8'));

const clusterState = (cluster: CheapCluster) => {
  const { persistent, transient, keys: apiKeys, roles, users } = clusterStateOf(cluster);
  return {
    ...{ persistent, transient, roles, users },
    livingKeys: apiKeys
      .filter(({ invalidated }) => !invalidated)
      .map(({ access, certificate_identity: identity }) => ({ access, identity })),
    nodes: Object.fromEntries(cluster.nodes.map((node) => [node.name, nodeState(cluster, node)])),
  };
};

/** Fields that are other ones in each run by their nature. */
const OWN_TO_A_RUN = new Set([
  'facts',
  'certificatePem',
  'id',
  'name',
  'lastSeen',
  'expiresAtMs',
  'retiredAt',
  'addedAt',
]);

const recordsOf = async (stack: Stack<CheapBed>) => {
  const redis = stack.redis();
  try {
    const of = async (key: string) =>
      Object.fromEntries(
        Object.entries(await redis.hgetall(key))
          .sort(([a], [b]) => a.localeCompare(b))
          .map(([id, text]) => [id, JSON.parse(text, (field, value) => (OWN_TO_A_RUN.has(field) ? undefined : value))]),
      );
    const { connections, cas, certificates, signingCertificates, apiKeys, nodes, clouds } = keys;
    return {
      connections: await of(connections),
      cas: await of(cas),
      certificates: await of(certificates),
      signingCertificates: await of(signingCertificates),
      apiKeys: await of(apiKeys),
      clouds: await of(clouds),
      nodes: Object.keys(await of(nodes)),
    };
  } finally {
    redis.disconnect();
  }
};

/** Every version of every secret that is kept: one that nothing names any more would be there for ever. */
const secretsOf = async (stack: Stack<CheapBed>): Promise<string[]> => {
  const redis = stack.redis();
  try {
    return (await redis.hkeys(keys.secrets)).sort();
  } finally {
    redis.disconnect();
  }
};

/** Names that it gives itself, and how often it was looked at, differ. */
const cloudState = ({ bed: { cloud } }: Stack<CheapBed>) =>
  cloud.deployments.map(({ id, keystore, trust, version }) => ({
    ...{ id, keystore, version },
    trust: JSON.parse(JSON.stringify(trust, (field, value) => (['uid', 'pem'].includes(field) ? undefined : value))),
  }));

/** Everything that a run leaves behind, without what is another thing each time: two runs of one plan have to leave the same. */
export const finalState = async (stack: Stack<CheapBed>) => ({
  clusters: Object.fromEntries(stack.bed.clusters.map((cluster) => [cluster.name, clusterState(cluster)])),
  records: await recordsOf(stack),
  secrets: await secretsOf(stack),
  cloud: cloudState(stack),
  agents: Object.fromEntries(
    stack.nodes.map(({ name }) => [name, withoutDigests(treeOf(stack.agentDirectory(name), null))]),
  ),
  // Redis names the parts of its log itself.
  coordinator: withoutDigests(treeOf(stack.dataDir('a'), /^redis(\/|$)/)),
});

export type FinalState = Awaited<ReturnType<typeof finalState>>;

const sortedTexts = (items: readonly unknown[]): string =>
  JSON.stringify(items.map((item) => JSON.stringify(item)).sort());

/** Where two values differ, a line each; the order of a list is none. */
export const differences = (wanted: unknown, found: unknown, path = ''): string[] => {
  if (JSON.stringify(wanted) === JSON.stringify(found)) return [];
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (Array.isArray(wanted) && Array.isArray(found)) {
    const gone = wanted.filter((item) => !found.some((other) => JSON.stringify(other) === JSON.stringify(item)));
    const more = found.filter((item) => !wanted.some((other) => JSON.stringify(other) === JSON.stringify(item)));
    const isOftener = gone.length + more.length === 0 && sortedTexts(wanted) !== sortedTexts(found);
    return [
      ...gone.map((item) => `${path}: lacks ${JSON.stringify(item)}`),
      ...more.map((item) => `${path}: has ${JSON.stringify(item)} too`),
      ...(isOftener ? [`${path}: has the same items another number of times: ${JSON.stringify(found)}`] : []),
    ];
  }
  if (isTree(wanted) && isTree(found)) {
    const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
    return names.flatMap((name) => differences(wanted[name], found[name], `${path}/${name}`));
  }
  return [`${path}: is ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`];
};
