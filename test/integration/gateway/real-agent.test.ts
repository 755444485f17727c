import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangeDelivery } from '../../../coordinator/src/gateway/agent-calls.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';

/** The agent as it ships, from its sources, beside the directories of a node that does not run. */
const main = resolve(import.meta.dirname, '../../../agent/src/main.ts');
const node = { cluster: 'us', node: 'us-1' };

let fleet: GatewayFleet;
let one: TestCoordinator;
let two: TestCoordinator;
let place: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  fleet = await startGatewayFleet();
  two = await fleet.coordinator('two');
  place = await mkdtemp(join(tmpdir(), 'remora-agent-'));
  await Promise.all(['home/bin', 'config'].map((path) => mkdir(join(place, path), { recursive: true })));
  await writeFile(join(place, 'home/bin/elasticsearch-keystore'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await writeFile(join(place, 'config/elasticsearch.yml'), '# ours\nnode.name: us-1\n');
  one = await fleet.coordinator('one', { peers: [two.url] });
});
afterAll(async () => {
  await Promise.all([...children].map(end));
  await fleet.stop();
  await rm(place, { recursive: true, force: true });
});

const agent = (command: string, ...args: string[]): ChildProcess => {
  const child = spawn(process.execPath, [main, command, '--data-dir', join(place, 'data'), ...args]);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
};
const end = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

const joinNode = async (token: string): Promise<{ code: unknown; said: string }> => {
  const flags = [
    '--es-home',
    join(place, 'home'),
    '--es-config',
    join(place, 'config'),
    '--es-url',
    'http://localhost:1',
  ];
  const child = agent('join', ...flags, '--start', '/bin/true', '--stop', '/bin/true', '--token-file', '-');
  child.stdin?.end(token);
  const said = child.stderr ? text(child.stderr) : Promise.resolve('');
  const [code] = await once(child, 'exit');
  return { code, said: await said };
};

/** Starts the agent and resolves once it is connected. */
const runNode = async (): Promise<ChildProcess> => {
  const child = agent('run');
  if (!child.stdout || !child.stderr) throw new Error('the agent has no output');
  child.stderr.resume();
  const [line] = await once(createInterface(child.stdout), 'line');
  expect(line).toBe('connected us-1');
  return child;
};

test('a real agent joins, reads, changes once, and answers from its journal after it was killed', async () => {
  const { token } = await one.gateway.tokens.create({ cluster: 'us', ttlMs: 60_000, uses: 1 });
  expect(await joinNode(token)).toMatchObject({ code: 0 });
  const second = await joinNode(token);
  expect(second.code).toBe(77);
  expect(second.said).toContain('unknown, expired or used up');

  const first = await runNode();
  const facts = await two.gateway.calls.read(
    node,
    'inspect',
    { settings: ['node.*'], files: [] },
    { timeoutMs: 30_000 },
  );
  expect(facts.settingsFile.values).toEqual({ 'node.name': 'us-1' });

  const content = randomBytes(48);
  const reference = await fleet.secrets.put('p12', content);
  const delivery: ChangeDelivery = {
    ...{ id: 'run-1/step-1/1', fence: Date.now() },
    operations: [
      {
        name: 'files',
        input: {
          write: [{ path: 'a.p12', content: { $secret: reference }, source: reference, mode: 0o640 }],
          remove: [],
        },
      },
      { name: 'settings', input: { set: { 'remote_cluster.port': 9443 }, remove: [] } },
    ],
  };
  const result = await two.gateway.calls.change(node, delivery, { timeoutMs: 60_000 });
  expect(result).toMatchObject({ outcome: 'done', error: null });
  expect(await readFile(join(place, 'config/a.p12'))).toEqual(content);
  expect(await readFile(join(place, 'config/elasticsearch.yml'), 'utf8')).toContain('9443');

  await end(first);
  await expect.poll(() => one.gateway.sessions.isOnline(node)).toBe(false);
  await fleet.redis.del(`remora:delivery:${delivery.id}`);
  const repeated = one.gateway.calls.change(node, delivery, { timeoutMs: 60_000 });
  const again = await runNode();
  expect(await repeated).toEqual(result);

  const stale = { ...delivery, id: 'run-0/step-9/1', fence: 1 };
  const refused = await one.gateway.calls.change(node, stale, { timeoutMs: 60_000 });
  expect(refused).toMatchObject({ outcome: 'refused', error: { code: 'fence-stale' } });

  again.kill('SIGTERM');
  expect(await once(again, 'exit')).toEqual([0, null]);
  await expect.poll(() => one.gateway.sessions.isOnline(node)).toBe(false);
});

test('a real agent moves to the other coordinator when its own stops, and leaves when it is removed', async () => {
  const child = await runNode();
  expect((await two.gateway.sessions.list()).get('us/us-1')).toMatchObject({ coordinator: 'one' });
  await one.stop();
  const input = { set: { 'remote_cluster.host': '::1' }, remove: [] };
  const delivery = { id: 'run-2/step-1/1', fence: Date.now(), operations: [{ name: 'settings' as const, input }] };
  expect(await two.gateway.calls.change(node, delivery, { timeoutMs: 60_000 })).toMatchObject({ outcome: 'done' });
  expect((await two.gateway.sessions.list()).get('us/us-1')).toMatchObject({ coordinator: 'two' });
  await two.gateway.disconnect(node);
  await expect.poll(() => two.gateway.sessions.isOnline(node)).toBe(false);
  await end(child);
});
