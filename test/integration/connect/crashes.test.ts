import type { Run } from '@remora/shared/model/run.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EsCluster } from '../../elasticsearch/cluster.ts';
import { startClusters } from '../../elasticsearch/create.ts';
import { Fleet } from '../../support/fleet.ts';
import { fill, restarts, searchAcross } from './traces.ts';
import { whileDown } from './while-down.ts';

const stack = new AsyncDisposableStack();
const connect = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*', '--accept-outage'];
const data = ['data', 'ingest', 'remote_cluster_client'];
let us: EsCluster;
let eu: EsCluster;
let fleet: Fleet;

beforeAll(async () => {
  const [started, clusters] = await Promise.all([
    Fleet.start(),
    startClusters({ name: 'us', nodes: 2, roles: [['master', ...data], data] }, { name: 'eu' }),
  ]);
  fleet = started;
  [us, eu] = clusters as [EsCluster, EsCluster];
  for (const one of [us, eu, fleet]) stack.use(one);
  await fill(us, 'logs-1', 1);
  for (const cluster of [us, eu]) await fleet.add(cluster);
});

afterAll(() => stack.disposeAsync());

const currentRun = async (): Promise<Run> => {
  const [run, ...others] = await fleet.json<Run[]>(['runs', 'list']);
  if (run === undefined || others.length > 0) throw new Error(`one run was started, not ${others.length + 1}`);
  return run;
};

test('the death of the coordinator, of an agent, and a stop of the coordinator, each while a node restarts', async () => {
  const progress: string[] = [];
  const onLine = (line: string): void => void progress.push(line);
  const following = fleet.cli([...connect, '--yes', '--json'], { onLine });

  await whileDown(us.nodes[1], following);
  await fleet.stopCoordinator('SIGKILL');
  await fleet.startCoordinator();

  await whileDown(us.nodes[0], following);
  await fleet.stopAgent('us-1', 'SIGKILL');
  await fleet.startAgent('us-1');

  await whileDown(eu.nodes[0], following);
  const asked = performance.now();
  expect(await fleet.stopCoordinator('SIGTERM')).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000); // 5 s by the contract; the machine may be busy
  await fleet.startCoordinator();

  const answer = await following;
  expect(answer, `${answer.stderr}\n${fleet.coordinatorLog.slice(-3000)}`).toMatchObject({ code: 0 });
  const run = JSON.parse(answer.stdout) as Run;
  expect(run.status).toBe('succeeded');
  expect(run.steps.map(({ status }) => status)).toEqual(run.steps.map(() => 'succeeded'));
  expect(run.restarts).toEqual(['us-2', 'us-1', 'eu-1']);
  expect(restarts(us, eu)).toEqual({ 'us-1': 1, 'us-2': 1, 'eu-1': 1 });
  expect((await currentRun()).runId).toBe(run.runId);
  const seen = progress.filter((line) => /node\.change: succeeded/.test(line));
  expect(seen).toHaveLength(3); // who follows sees each event once, whoever serves it
}, 900_000);

test('afterwards everything is as after a run that nobody disturbed', async () => {
  const answer = await searchAcross(eu, 'us');
  expect(answer._clusters).toMatchObject({ successful: 1, skipped: 0 });
  expect(answer.hits.total.value).toBe(1);
  for (const cluster of [us, eu]) {
    expect(await cluster.call('GET', '/_cluster/settings?filter_path=*.cluster.routing')).toEqual({});
    expect(await cluster.call('GET', '/_cluster/health')).toMatchObject({ unassigned_primary_shards: 0 });
  }
  const keys = (await us.call('GET', '/_security/api_key')) as { api_keys: { name: string; invalidated: boolean }[] };
  expect(keys.api_keys.filter(({ name, invalidated }) => name.startsWith('remora-') && !invalidated)).toHaveLength(1);
  const again = await fleet.cli([...connect, '--check', '--json']);
  expect(again).toMatchObject({ code: 0 });
  expect(JSON.parse(again.stdout)).toMatchObject({ steps: [] });
});
