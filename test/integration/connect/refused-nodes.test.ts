import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import type { EsNode } from '../../elasticsearch/node.ts';
import { sharedPairAlone } from '../../elasticsearch/shared-pair.ts';
import { Fleet } from '../../support/fleet.ts';
import { Refusals } from './refusals.ts';

const stack = new AsyncDisposableStack();
let us: EsCluster;
let eu: EsCluster;
let node: EsNode;
let fleet: Fleet;
let refused: Refusals;

beforeAll(async () => {
  const [started, pair] = await Promise.all([Fleet.start(), sharedPairAlone()]);
  stack.use(pair);
  fleet = stack.use(started);
  ({ us, eu } = pair);
  node = eu.nodes[0] as EsNode;
  for (const cluster of [us, eu]) await fleet.add(cluster);
  refused = new Refusals(fleet, us, eu);
});

afterAll(() => stack.disposeAsync());

/** The pair is everybody's: what a test does to it is taken back. */
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

const connect = (): string[] => [
  ...['connect', eu.name, us.name, '--alias', 'far', '--search', 'logs-*', '--accept-outage', '--yes'],
];

test('with an agent that is offline', async () => {
  await fleet.stopAgent(node.name);
  undo.push(() => fleet.startAgent(node.name));
  await refused.expect(
    connect(),
    `The agent of node ${node.name} (cluster ${eu.name}) is offline: start \`remora agent run\` there.`,
  );
});

test('with an alias that exists and was made by hand', async () => {
  const seeds = [`127.0.0.1:${us.nodes[0]?.transportPort}`];
  await eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.remote.far.seeds': seeds } });
  undo.push(() => eu.call('PUT', '/_cluster/settings', { persistent: { 'cluster.remote.far.seeds': null } }));
  await refused.expect(
    connect(),
    /The alias far exists on cluster \S+ already \(in its cluster settings\) and was not made by Remora: choose another alias/,
  );
});

describe('with an elasticsearch.yml that cannot be edited safely', () => {
  const append = (text: string): void => {
    const path = join(node.configDir, 'elasticsearch.yml');
    const before = readFileSync(path);
    undo.push(() => writeFileSync(path, before));
    writeFileSync(path, `${before}${text}`);
  };

  test('because a setting stands in it twice', async () => {
    append('node:\n  name: other\n');
    await refused.expect(
      connect(),
      /elasticsearch\.yml of node \S+ \(cluster \S+\) cannot be edited safely: .*"node\.name" stands in line \d+ already/,
    );
  });

  test('because of a tab', async () => {
    append('xpack:\n\tml.enabled: false\n');
    await refused.expect(connect(), /elasticsearch\.yml of node .* cannot be edited safely: .*line \d+.*tab/i);
  });
});

const canMount = ((): boolean => {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!canMount)('with a configuration directory that cannot be written', () => {
  const mount = (at: string, ...flags: string[]): void => {
    execFileSync('mount', [...flags, at], { stdio: 'pipe' });
    undo.push(() => execFileSync('umount', ['--lazy', at]));
  };
  /** A copy of the configuration on a small file system of its own, in the place of the real one. */
  const onTmpfs = (): void => {
    const copy = mkdtempSync(join(fleet.directory, 'config-'));
    cpSync(node.configDir, copy, { recursive: true });
    mount(node.configDir, '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs');
    cpSync(copy, node.configDir, { recursive: true });
  };

  test('because it is read-only', async () => {
    onTmpfs();
    execFileSync('mount', ['-o', 'remount,ro', node.configDir]);
    await refused.expect(
      connect(),
      /The configuration of node \S+ \(cluster \S+\) cannot be written: .*(read-only|EROFS)/i,
    );
  });

  test('because the disk is full', async () => {
    onTmpfs();
    writeFileSync(join(node.configDir, 'filler'), Buffer.alloc(6 * 1024 * 1024));
    await refused.expect(
      connect(),
      /The configuration of node \S+ .* cannot be written: .* has only \d+ KB of free space/,
    );
  });

  test('because elasticsearch.yml is a bind mount', async () => {
    const path = join(node.configDir, 'elasticsearch.yml');
    const outside = join(mkdtempSync(join(fleet.directory, 'yml-')), 'elasticsearch.yml');
    cpSync(path, outside);
    mount(path, '--bind', outside);
    await refused.expect(
      connect(),
      `The configuration of node ${node.name} (cluster ${eu.name}) cannot be written: ${path} is a mount of its own (a bind mount)`,
    );
  });
});
