import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startCluster } from '../../elasticsearch/create.ts';
import { AGENT, entry, inspection, restart, runAgentCli, setting } from '../../support/agent-harness.ts';
import { type FakeGateway, startFakeGateway } from '../../support/fake-gateway.ts';

/** The agent beside a real node: that its process is found, its restart seen, and its own words quoted when it does not start. */
let root: string;
let cluster: EsCluster;
let gateway: FakeGateway;
let agent: ReturnType<typeof spawn>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'remora-agent-es-'));
  [cluster, gateway] = await Promise.all([
    startCluster({ name: 'agent-es', http: 'http' }),
    startFakeGateway(join(root, 'gateway')),
  ]);
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('the cluster has no node');
  const args = [
    '--data-dir',
    join(root, 'data'),
    '--es-home',
    node.home,
    '--es-config',
    node.configDir,
    '--es-url',
    node.url,
  ];
  const joined = await runAgentCli(
    ['join', '--token-file', '-', ...args, '--start', node.startCommand, '--stop', node.stopCommand],
    gateway.token(),
  );
  expect(joined).toMatchObject({ code: 0 });
  agent = spawn(process.execPath, [AGENT, 'run', '--data-dir', join(root, 'data')], { stdio: 'ignore' });
  await gateway.waitForSession();
});
afterAll(async () => {
  agent.kill('SIGKILL');
  await cluster.close();
  await gateway[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const facts = async (): Promise<NodeFacts> =>
  (await gateway.deliver([inspection({ settings: ['node.name'] })], { fence: 0 })).results[0] as NodeFacts;

test('finds the process, restarts it with a new setting and a keystore entry, and sees the new one', async () => {
  const node = cluster.nodes[0];
  const before = await facts();
  expect(before.process.pid).toBe(node?.pid());
  const operations = [
    setting({ 'cluster.routing.allocation.enable': 'all' }),
    entry('cluster.remote.us.credentials', 'bm90IGEga2V5'),
    restart(120_000),
  ];
  const result = await gateway.deliver(operations);
  expect(result).toMatchObject({ outcome: 'done' });
  const after = await facts();
  expect(after.process.pid).toBe(node?.pid());
  expect(after.process.identity).not.toBe(before.process.identity);
});

test('puts the last good files back and quotes Elasticsearch when it does not start', async () => {
  const result = await gateway.deliver([setting({ 'no.such.setting': 1 }), restart(120_000)]);
  expect(result).toMatchObject({ outcome: 'undone', error: { code: 'step-undone' } });
  expect(result.error?.message).toContain('unknown setting [no.such.setting]');
  const { process, settingsFile } = await facts();
  expect(process.running).toBe(true);
  expect(settingsFile.values).not.toHaveProperty('no.such.setting');
});
