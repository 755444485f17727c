import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readEntries } from '../support/keystore-file.ts';
import { type CheapBed, createCheapBed } from './cheap/bed.ts';
import { processesFor } from './cheap/processes.ts';
import { clusterStateOf, finalState } from './checks/final-state.ts';
import { unknownToNodes } from './checks/invariants.ts';
import { newDirectory } from './lanes.ts';
import { allOnline, runAtRest } from './runs.ts';
import { Stack } from './stack/stack.ts';

let stack: Stack<CheapBed>;

beforeAll(async () => {
  stack = await Stack.create(await newDirectory(), createCheapBed);
  await stack.start('shared', false);
});
afterAll(() => stack?.close());

const post = (path: string, body: object): Promise<Run> =>
  stack.api<Run>({ method: 'POST', path, key: randomUUID(), body });

const connect = async (alias: string): Promise<Run> => {
  const wish = { local: 'eu', remote: 'us', alias, mode: 'sniff', search: ['logs-*'], options: { acceptOutage: true } };
  return runAtRest(stack, (await post('/connections', wish)).runId);
};

/** Names of the living keys of the remote cluster. */
const livingKeys = (): string[] => {
  const us = stack.bed.clusters.find(({ name }) => name === 'us');
  return us === undefined
    ? []
    : clusterStateOf(us)
        .keys.filter(({ invalidated }) => !invalidated)
        .map(({ name }) => name.replace(/-run-.*$/, ''));
};

const local = () => {
  const eu = stack.bed.clusters.find(({ name }) => name === 'eu');
  const [node] = eu?.nodes ?? [];
  if (!eu || !node) throw new Error('there is no local node');
  return {
    node,
    aliases: () => Object.keys(clusterStateOf(eu).persistent),
    entries: () => Object.keys(readEntries(node.configDir)),
  };
};

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) if (await holds()) return;
  throw new Error(`it did not come to this: ${what}`);
};

const agentOf = async (node: string): Promise<string | undefined> => {
  const nodes = await stack.api<{ name: string; agent: string }[]>({ method: 'GET', path: '/nodes' });
  return nodes.find(({ name }) => name === node)?.agent;
};

test('two connections go one after the other, of which the first waits for an agent and the last leaves both clusters as they were', async () => {
  const before = await finalState(stack);
  for (const alias of ['us', 'second'])
    expect(await connect(alias)).toMatchObject({ status: 'succeeded', error: null });
  expect(livingKeys()).toEqual(['remora-eu-us', 'remora-eu-second']);

  const { node, aliases, entries } = local();
  await stack.agents.get(node.name)?.end();
  await until('the agent is offline', async () => (await agentOf(node.name)) === 'offline');
  const us = { local: 'eu', alias: 'us' };
  await expect(post('/connections/removal', us)).rejects.toThrow(/409.*agent-offline.*--wait-offline/);
  const { runId } = await post('/connections/removal', { ...us, waitOffline: true, options: { waitOffline: '1h' } });
  expect(await runAtRest(stack, runId)).toMatchObject({ status: 'failed', error: { code: 'agent-offline' } });
  expect(livingKeys()).toEqual(['remora-eu-second']);
  expect(aliases()).not.toContainEqual(expect.stringMatching(/^cluster\.remote\.us\./));
  expect(entries()).toContain('cluster.remote.us.credentials');

  await stack.startAgent(node.name);
  const ended = async () => stack.api<Run>({ method: 'GET', path: `/runs/${runId}` });
  await until('the run went on by itself', async () => (await ended()).status === 'succeeded');
  expect((await ended()).restarts).toEqual([]);
  expect(entries()).not.toContain('cluster.remote.us.credentials');
  const checked = await stack.api<{ alias: string; connected: boolean }[]>({
    method: 'GET',
    path: '/connections/check',
  });
  expect(checked.map(({ alias, connected }) => [alias, connected])).toEqual([['second', true]]);
  await expect(post('/connections/removal', us)).rejects.toThrow(/404.*manages no connection.*There is eu\/second\./);

  const second = { ...us, alias: 'second' };
  const taken = post('/connections/removal', { ...second, options: { onFailure: 'rollback', acceptOutage: true } });
  await expect(taken).rejects.toThrow(/400.*--on-failure rollback.*runs resume/);
  const options = { acceptOutage: true };
  const last = await runAtRest(stack, (await post('/connections/removal', { ...second, options })).runId);
  expect(last).toMatchObject({ status: 'succeeded' });
  expect([...last.restarts].sort()).toEqual(stack.nodes.map(({ name }) => name).sort());
  await allOnline(stack);
  const after = await finalState(stack);
  expect(after.clusters).toEqual(before.clusters);
  expect(after.records).toEqual({
    ...before.records,
    cas: expect.objectContaining({ 'us-remote': expect.anything() }),
  });
  expect(livingKeys()).toEqual([]);
  await expect(post(`/runs/${last.runId}/rollback`, {})).rejects.toThrow(
    /409.*took a connection apart.*remora connect/,
  );
  await expect(post('/connections/removal', us)).rejects.toThrow(/404.*There are none/);
  expect(unknownToNodes(stack)).toEqual([]);
}, 240_000);

test('where the remote cluster is gone for good, the local one is as it was before, and the connection is forgotten', async () => {
  const us = { local: 'eu', alias: 'us', remoteGone: true, options: { acceptOutage: true } };
  const { node, aliases, entries } = local();
  const yml = () => readFile(join(node.configDir, 'elasticsearch.yml'), 'utf8');
  const before = { yml: await yml(), entries: entries(), settings: aliases() };
  expect(await connect('us')).toMatchObject({ status: 'succeeded', error: null });
  await expect(post('/connections/removal', us)).rejects.toThrow(/409.*us is not gone.*without --remote-gone/);

  const nodes = stack.bed.clusters.find(({ name }) => name === 'us')?.nodes ?? [];
  for (const { name, configDir } of nodes) {
    await stack.agents.get(name)?.end();
    for (const pid of processesFor(configDir)) process.kill(pid, 'SIGKILL');
  }
  const { remoteGone: _, ...asEver } = us;
  await expect(post('/connections/removal', asEver)).rejects.toThrow(/cluster-unreachable/);
  const run = await runAtRest(stack, (await post('/connections/removal', us)).runId);
  expect(run).toMatchObject({ status: 'succeeded', restarts: [node.name] });
  expect({ yml: await yml(), entries: entries(), settings: aliases() }).toEqual(before);
  expect(livingKeys()).toEqual(['remora-eu-us']);
  const { connections, certificates, apiKeys } = (await finalState(stack)).records;
  expect([connections, certificates, apiKeys]).toEqual([{}, {}, {}]);
}, 240_000);

test('where the local cluster is gone for good, the remote one is as it was before, and all that is on record of it can be forgotten', async () => {
  await stack.stop();
  await stack.start('shared', false);
  const remote = stack.bed.clusters.find(({ name }) => name === 'us');
  const { node } = local();
  const before = await finalState(stack);
  expect(await connect('us')).toMatchObject({ status: 'succeeded', error: null });
  const us = { local: 'eu', alias: 'us', localGone: true, options: { acceptOutage: true } };
  await expect(post('/connections/removal', us)).rejects.toThrow(
    /409.*eu is not gone: it answers.*without --local-gone/,
  );
  for (const pid of processesFor(node.configDir)) process.kill(pid, 'SIGKILL');
  const alive = /409.*eu is not gone: the agent of its node .* is online.*nodes remove/;
  await expect(post('/connections/removal', us)).rejects.toThrow(alive);
  await stack.agents.get(node.name)?.end();
  await until('the agent is offline', async () => (await agentOf(node.name)) === 'offline');

  const run = await runAtRest(stack, (await post('/connections/removal', us)).runId);
  expect(run).toMatchObject({ status: 'succeeded' });
  expect([...run.restarts].sort()).toEqual(remote?.nodes.map(({ name }) => name));
  expect(livingKeys()).toEqual([]);
  const after = await finalState(stack);
  expect(after.clusters.us).toEqual(before.clusters.us);
  const { connections, certificates, apiKeys } = after.records;
  expect([connections, certificates, apiKeys]).toEqual([{}, {}, {}]);

  const remove = (path: string) => stack.api({ method: 'DELETE', path, key: randomUUID() });
  const schedule = { name: 'nightly', cron: '0 3 * * *', do: 'certs-report', arguments: { cluster: 'eu' } };
  await stack.api({ method: 'POST', path: '/schedules', key: randomUUID(), body: schedule });
  await remove(`/nodes/${node.name}?cluster=eu`);
  await expect(remove('/clusters/eu')).rejects.toThrow(/409.*schedule nightly is for cluster eu/);
  await remove('/schedules/nightly');
  await remove('/clusters/eu');
  const names = async (path: string) =>
    (await stack.api<{ name: string }[]>({ method: 'GET', path })).map(({ name }) => name);
  expect(await names('/clusters')).toEqual(['us']);
  expect(await names('/nodes')).toEqual(remote?.nodes.map(({ name }) => name));
}, 240_000);
