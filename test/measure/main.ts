import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startClusters } from '../elasticsearch/create.ts';
import { Fleet } from '../support/fleet.ts';
import { residentMb } from '../support/resident-memory.ts';
import { runEvents } from '../support/run-events.ts';
import { overheadOf } from './overhead.ts';

/**
 * Measures what docs/measurements.md tells, on real clusters: `npm run measure [-- --idle-minutes N]`. Figures of one machine at one moment; the shares
 * within one run are what can be compared.
 */
const root = join(import.meta.dirname, '../..');
const idleMinutes = Number(process.argv[process.argv.indexOf('--idle-minutes') + 1] || 10);
const connection = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*'];
const CLOCK_TICKS = 100;

const tell = (what: string, value: string): void => console.log(`${what.padEnd(52)} ${value}`);

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Resident memory in MB and CPU seconds so far. */
const usage = (pid: number): { rssMb: number; cpuSeconds: number } => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return { rssMb: residentMb(pid), cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS };
};

const measureCoordinatorStart = async (): Promise<void> => {
  const first: number[] = [];
  const again: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    const began = performance.now();
    await using fleet = await Fleet.start();
    first.push(performance.now() - began);
    await fleet.stopCoordinator();
    const beganAgain = performance.now();
    await fleet.startCoordinator();
    again.push(performance.now() - beganAgain);
  }
  const text = (times: readonly number[]): string =>
    `${(median(times) / 1000).toFixed(2)} s (${times.map((time) => (time / 1000).toFixed(2)).join(', ')})`;
  tell('coordinator start to ready, first start', text(first));
  tell('coordinator start to ready, again', text(again));
};

const measureBundle = (): void => {
  tell('agent bundle', `${(statSync(join(root, 'agent/dist/remora-agent.mjs')).size / 1024).toFixed(0)} KiB`);
  const { dependencies } = JSON.parse(readFileSync(join(root, 'agent/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  tell('agent dependencies', `${Object.keys(dependencies).length} (${Object.keys(dependencies).join(', ')})`);
};

const measureConnect = async (fleet: Fleet): Promise<void> => {
  const run = await fleet.json<{ runId: string; durationMs: number; restarts: string[] }>([
    ...connection,
    '--accept-outage',
    '--yes',
  ]);
  const { nodesMs, byNode } = overheadOf(await runEvents(fleet, run.runId));
  tell('connect, 3 remote nodes and 1 local node', `${(run.durationMs / 1000).toFixed(1)} s`);
  for (const { node, ms } of byNode) tell(`  ${node}: stop, start, join, recover`, `${(ms / 1000).toFixed(1)} s`);
  tell('orchestration overhead', `${((1 - nodesMs / run.durationMs) * 100).toFixed(1)} %`);
  tell('restarts', run.restarts.join(', '));
  const again = await fleet.cli([...connection, '--check', '--json']);
  tell('steps of a second connect', String((JSON.parse(again.stdout) as { steps: unknown[] }).steps.length));
};

const measureIdle = async (fleet: Fleet, nodes: readonly string[]): Promise<void> => {
  const pids = nodes.map((node) => fleet.agentPid(node) ?? 0);
  const before = pids.map(usage);
  await sleep(idleMinutes * 60_000);
  const after = pids.map(usage);
  tell('agents, resident memory idle', after.map(({ rssMb }) => `${rssMb.toFixed(0)} MB`).join(', '));
  tell(
    `agents, CPU over ${idleMinutes} idle minutes`,
    after.map(({ cpuSeconds }, i) => `${(cpuSeconds - (before[i]?.cpuSeconds ?? 0)).toFixed(2)} s`).join(', '),
  );
  tell('coordinator, resident memory', `${usage(fleet.coordinatorPid ?? 0).rssMb.toFixed(0)} MB`);
};

measureBundle();
await measureCoordinatorStart();
const [us, eu] = await startClusters({ name: 'us', nodes: 3 }, { name: 'eu' });
if (!us || !eu) throw new Error('the clusters did not start');
await using _us = us;
await using _eu = eu;
await using fleet = await Fleet.start();
await us.call('PUT', '/logs-1/_doc/1?refresh=true', { message: 'hello' });
await fleet.add(us);
await fleet.add(eu);
await measureConnect(fleet);
await measureIdle(
  fleet,
  [...us.nodes, ...eu.nodes].map(({ name }) => name),
);
