import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EsCluster } from '../elasticsearch/cluster.ts';
import { startClusters } from '../elasticsearch/create.ts';
import { freePorts } from '../elasticsearch/ports.ts';
import { settingsText } from '../elasticsearch/settings-text.ts';
import { sharedPair } from '../elasticsearch/shared-pair.ts';
import { versionsHere } from '../elasticsearch/versions.ts';

const run = promisify(execFile);
const versions = (await versionsHere()).filter(({ runs }) => runs).map(({ version }) => version);

/** One cluster of each version that runs here, side by side: 9.x flat and protected by nothing, 8.x nested with a keystore password. */
let clusters: EsCluster[] = [];
const PHRASE = 'keystore phrase';

beforeAll(async () => {
  clusters = await startClusters(
    ...versions.map((version) =>
      version === '8.19.21'
        ? { name: 'old', version, style: 'nested' as const, keystorePassword: PHRASE, http: 'http' as const }
        : { name: 'new', version, settings: ['cluster.remote.node.attr: gateway'] },
    ),
  );
});

afterAll(async () => {
  await Promise.all(clusters.map((cluster) => cluster.close()));
});

function clusterOf(version: string): EsCluster {
  const cluster = clusters.find((one) => one.version === version);
  if (cluster === undefined) throw new Error(`no cluster of ${version}`);
  return cluster;
}

describe.for(versions)('Elasticsearch %s', (version) => {
  const phraseLine = version === '8.19.21' ? `${PHRASE}\n` : '';

  test('answers with its version, name, licence and settings', async () => {
    const cluster = clusterOf(version);
    const [node] = cluster.nodes;
    expect(await cluster.call('GET', '/')).toMatchObject({
      name: node?.name,
      cluster_name: cluster.name,
      version: { number: version },
    });
    expect(await cluster.call('GET', '/_license')).toMatchObject({ license: { type: 'trial', status: 'active' } });
    const settings = await cluster.call('GET', '/_nodes/settings?flat_settings=true&filter_path=nodes.*.settings');
    expect(JSON.stringify(settings)).toContain(`"remote_cluster.port":"${node?.remoteClusterPort}"`);
    expect(node?.url).toMatch(version === '8.19.21' ? /^http:/ : /^https:/);
  });

  test('refuses a wrong password', async () => {
    const answer = await clusterOf(version).raw('GET', '/_cluster/health', undefined, { password: 'wrong' });
    expect(answer.status).toBe(401);
  });

  test('its keystore takes values on stdin and keeps what was there', async () => {
    const [node] = clusterOf(version).nodes;
    const names = ['cluster.remote.a.credentials', 'cluster.remote.b.credentials'];
    await node?.keystore(['add', '-x', '-f', ...names], `${phraseLine}first value\nsecond value\n`);
    const listed = await node?.keystore(['list'], phraseLine);
    expect(listed?.trim().split('\n')).toEqual(['bootstrap.password', ...names, 'keystore.seed']);
    expect(await node?.keystore(['show', 'cluster.remote.b.credentials'], phraseLine)).toBe('second value\n');
    await expect(node?.keystore(['remove', 'not.there'], phraseLine)).rejects.toThrow(
      /78.*Setting \[not\.there\] does not exist/s,
    );
  });

  test('reloads what was added, password and all', async () => {
    const body = phraseLine === '' ? undefined : { secure_settings_password: PHRASE };
    const answer = await clusterOf(version).call('POST', '/_nodes/reload_secure_settings', body);
    expect(answer).toMatchObject({ _nodes: { total: 1, failed: 0 } });
    expect(JSON.stringify(answer)).not.toContain('reload_exception');
  });

  test('its start and stop commands can be run at any time, and starts are counted', async () => {
    const cluster = clusterOf(version);
    const [node] = cluster.nodes;
    if (node === undefined) throw new Error('no node');
    const pid = node.pid();
    await run(node.startCommand);
    expect(node.pid()).toBe(pid);
    expect(node.starts()).toBe(1);

    await run(node.stopCommand);
    expect(node.pid()).toBeUndefined();
    await expect(cluster.call('GET', '/')).rejects.toThrow('ECONNREFUSED');
    await run(node.stopCommand);

    await Promise.all([run(node.startCommand), run(node.startCommand)]);
    expect(node.starts()).toBe(2);
    await cluster.waitUntilReady();
    expect(node.pid()).not.toBe(pid);
    expect(node.log().match(/\] started \{/g)).toHaveLength(2);
  });
});

test('the shared pair is started once and outlives whoever closes it', async () => {
  const [first, second] = await Promise.all([sharedPair(), sharedPair()]);
  expect(first.us.nodes[0]?.pid()).toBe(second.us.nodes[0]?.pid());
  await first.eu.close();
  expect(await second.eu.call('GET', '/_cluster/health')).toMatchObject({ cluster_name: 'shared-eu' });
});

test('nodes end and their files go when the process that made them is killed', async () => {
  const owner = spawn(process.execPath, [join(import.meta.dirname, '..', 'elasticsearch', 'hold.ts'), 'held'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { pids, directory } = JSON.parse(await firstLine(owner)) as { pids: number[]; directory: string };
    expect(pids.filter(exists)).toHaveLength(1);

    owner.kill('SIGKILL');
    while (existsSync(directory)) await sleep(50);
    expect(pids.filter(exists)).toEqual([]);
  } finally {
    owner.kill('SIGKILL');
  }
});

test('ports are not given out twice', async () => {
  const ports = (await Promise.all([freePorts(30), freePorts(30)])).flat();
  expect(new Set(ports).size).toBe(60);
});

test('one elasticsearch.yml, flat and nested', () => {
  const settings = new Map<string, string | string[]>([
    ['a.b', 'x'],
    ['a.c.d', ['y', 'z']],
  ]);
  const comment = '# Kept by hand: this comment must survive.\n';
  expect(settingsText(settings, 'flat', ['e: f'])).toBe(`${comment}a.b: x\na.c.d:\n  - y\n  - z\ne: f\n`);
  expect(settingsText(settings, 'nested', [])).toBe(`${comment}a:\n  b: x\n  c:\n    d:\n      - y\n      - z\n`);
});

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout');
  for await (const line of createInterface(child.stdout)) return line;
  throw new Error('the process ended without a line');
}

/** A zombie, which waits for whoever adopted it, does not count. */
function exists(pid: number): boolean {
  return existsSync(`/proc/${pid}/cwd`);
}
