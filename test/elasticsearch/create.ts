import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elasticsearchBacking } from '../../deploy/setup/docker.mjs';
import { TestAuthority } from './certificates.ts';
import { backingOf, EsCluster } from './cluster.ts';
import { configure } from './configure.ts';
import type { ClusterOptions } from './options.ts';
import type { ClusterPlace, NodePlace } from './place.ts';
import { freePorts } from './ports.ts';
import { newestVersionHere } from './versions.ts';
import { watchOver } from './watchdog.ts';

/**
 * Makes a cluster: configuration, certificates, keystores and scripts, nothing started. It ends with this process,
 * however that dies, or with `close`.
 * @throws when `version` can't run on this machine, with what it lacks (ask versionsHere() before)
 */
export async function createCluster(options: ClusterOptions): Promise<EsCluster> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'remora-es-'));
  await writeFile(join(directory, 'owned'), '');
  const end = watchOver(directory);
  try {
    return await build(options, directory, end);
  } catch (error) {
    await end();
    throw error;
  }
}

/** Makes and starts clusters side by side and waits until all are ready. Ends all when one fails. */
export async function startClusters(...all: readonly ClusterOptions[]): Promise<EsCluster[]> {
  const clusters: EsCluster[] = [];
  try {
    for (const options of all) clusters.push(await createCluster(options));
    await Promise.all(clusters.map((cluster) => cluster.start()));
    await Promise.all(clusters.map((cluster) => cluster.waitUntilReady()));
  } catch (error) {
    await Promise.all(clusters.map((cluster) => cluster.close()));
    throw error;
  }
  return clusters;
}

/** As startClusters, for one. */
export async function startCluster(options: ClusterOptions): Promise<EsCluster> {
  const cluster = await createCluster(options);
  try {
    await cluster.start();
    await cluster.waitUntilReady();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

async function build(options: ClusterOptions, directory: string, end: () => Promise<void>): Promise<EsCluster> {
  const version = options.version ?? (await newestVersionHere());
  const kind = await elasticsearchBacking();
  const backing = await backingOf(kind);
  const home = join(directory, 'home');
  await backing.makeHome(home, version);
  const authority = await TestAuthority.create(join(directory, 'ca'), `${options.name} test authority`);
  const nodes = await placeNodes(options, directory, home);
  const place: ClusterPlace = {
    name: options.name,
    version,
    backing: kind,
    directory,
    security: options.security !== false,
    user: 'elastic',
    password: randomBytes(12).toString('base64url'),
    caPath: authority.certificate,
    nodes,
  };
  await configure(nodes, options, authority);
  const cluster = new EsCluster(place, backing, end);
  await fillKeystores(cluster, options);
  await Promise.all(nodes.map((node) => backing.writeScripts(node, version)));
  return cluster;
}

async function placeNodes(options: ClusterOptions, directory: string, home: string): Promise<NodePlace[]> {
  const {
    name,
    nodes: count = 1,
    http = 'https',
    security = true,
    host = '127.0.0.1',
    netns,
    keystorePassword,
  } = options;
  const ports = await freePorts(3 * count);
  const passphraseFile = join(directory, 'keystore-passphrase');
  if (keystorePassword !== undefined) await writeFile(passphraseFile, `${keystorePassword}\n`, { mode: 0o600 });
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}-${index + 1}`,
    directory: join(directory, `${name}-${index + 1}`),
    home,
    host,
    scheme: security ? http : 'http',
    httpPort: ports[3 * index] ?? 0,
    transportPort: ports[3 * index + 1] ?? 0,
    remoteClusterPort: ports[3 * index + 2] ?? 0,
    ...(netns === undefined ? {} : { netns }),
    ...(keystorePassword === undefined ? {} : { passphraseFile }),
  }));
}

/** The first node's keystore is filled and copied to the others: each run of the tool is a JVM. */
async function fillKeystores({ nodes, password }: EsCluster, options: ClusterOptions): Promise<void> {
  const [first, ...others] = nodes;
  const bootstrap = options.security === false ? {} : { 'bootstrap.password': password };
  const entries = Object.entries({ ...bootstrap, ...options.keystoreEntries });
  const phrase = options.keystorePassword;
  if (first === undefined || (entries.length === 0 && phrase === undefined)) return;
  if (phrase !== undefined) await first.keystore(['create', '-p'], `${phrase}\n${phrase}\n`);
  if (entries.length > 0) {
    const values = [...(phrase === undefined ? [] : [phrase]), ...entries.map(([, value]) => value)];
    await first.keystore(
      ['add', '-x', '-f', ...entries.map(([name]) => name)],
      values.map((value) => `${value}\n`).join(''),
    );
  }
  for (const node of others) {
    await copyFile(join(first.configDir, 'elasticsearch.keystore'), join(node.configDir, 'elasticsearch.keystore'));
  }
}
