import { expect, it } from 'vitest';
import { readServerEvents } from '../../../../coordinator/src/cli/client/server-events.ts';
import { checkedPlanText, keptPlanText, planText } from '../../../../coordinator/src/cli/show/plan.ts';
import { plainProgress } from '../../../../coordinator/src/cli/show/progress/progress.ts';
import { timingLines } from '../../../../coordinator/src/cli/show/progress/timing.ts';
import { runText } from '../../../../coordinator/src/cli/show/run.ts';
import { table } from '../../../../coordinator/src/cli/show/table.ts';
import { plain } from '../../../../coordinator/src/cli/show/text.ts';
import type { ChangeOptions } from '../../../../shared/src/model/change-options.ts';
import type { Plan, PlannedBatch, PlanStep } from '../../../../shared/src/model/plan.ts';
import type { Run, RunEvent, RunStep } from '../../../../shared/src/model/run.ts';

it('fits a table into the terminal without cutting the names', () => {
  const rows = [{ name: 'a-node-with-a-long-name', text: 'x'.repeat(100) }];
  const text = table(
    rows,
    [
      ['NAME', ({ name }) => name],
      ['TEXT', (row) => row.text],
    ],
    'none',
    { width: 60 },
  );
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(60);
  expect(text).toContain('a-node-with-a-long-name');
});

it('cuts the words of a row before a time', () => {
  const row = { id: 'run-1', at: '2026-01-01T00:00Z', what: 'Restart the nodes of us' };
  const text = table(
    [row],
    [
      ['RUN', ({ id }) => id],
      ['AT', ({ at }) => at],
      ['WHAT', ({ what }) => what],
    ],
    'none',
    { width: 40 },
  );
  expect(text.split('\n')[1]).toBe('run-1  2026-01-01T00:00Z  Restart the n…');
});

it('says what an empty table means', () => {
  expect(table([], [['NAME', String]], 'There are none.')).toBe('There are none.');
});

it('lets no name from elsewhere steer the terminal', () => {
  expect(plain('a\u001b[2Jb\u0007c\r')).toBe('ab?c?');
});

const step = (id: string, target: string): RunStep => ({
  ...{ id, target, kind: 'node.change', stage: 'roll', reason: 'because', status: 'pending', attempts: 0 },
  ...{ startedAt: null, finishedAt: null, phase: null, error: null },
});
const run: Run = {
  ...{ runId: 'r1', planId: 'p1', workflow: 'connect', title: 'Connect eu to us', actor: 'admin' },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', finishedAt: null, status: 'running', waitingFor: null, clusters: ['eu'] },
  ...{ steps: [step('s1', 'us-1')], restarts: [], durationMs: 0, error: null, options: {} },
};

it('tells which node, which step and how long', () => {
  const lines: string[] = [];
  const progress = plainProgress((text) => lines.push(text));
  const event = (seq: number, seconds: number, status: string, message: string): RunEvent => ({
    ...{ seq, runId: 'r1', type: 'step', stepId: 's1', status, message },
    at: new Date(Date.parse(run.createdAt) + seconds * 1000).toISOString(),
  });
  progress.begin(run);
  progress.event(event(1, 2, 'running', 'stopping'));
  progress.event(event(2, 5, 'running', 'starting'));
  progress.event(event(3, 12.5, 'succeeded', ''));
  progress.end();
  expect(lines).toEqual([
    'Connect eu to us: run r1, 1 step\n',
    '   2.0 s  us-1  node.change: stopping\n',
    '   5.0 s  us-1  node.change: starting\n',
    '  12.5 s  us-1  node.change: succeeded after 10.5 s\n',
  ]);
});

it('says which node was slowest, and where the time went', () => {
  const steps = [step('s1', 'us-1'), step('s2', 'us-2')];
  const done: Run = { ...run, status: 'succeeded', steps, restarts: ['us-1', 'us-2'] };
  let seq = 0;
  const event = (stepId: string | null, seconds: number, status: string, message: string): RunEvent => ({
    ...{ seq: ++seq, runId: 'r1', type: stepId === null ? 'run' : 'step', stepId, status, message },
    at: new Date(Date.parse(run.createdAt) + seconds * 1000).toISOString(),
  });
  const events = [
    event(null, 0, 'running', 'holds its clusters'),
    event('s1', 1, 'running', 'because'),
    event('s1', 2, 'running', 'stopping'),
    event('s1', 4, 'running', 'starting'),
    event('s1', 14, 'succeeded', 'done'),
    event('s2', 15, 'running', 'because'),
    event('s2', 16, 'running', 'waiting, gate closed: health-not-worse: health is yellow'),
    event('s2', 36, 'running', 'starting'),
    event('s2', 41, 'succeeded', 'done'),
  ];
  expect(timingLines(done, events)).toEqual([
    '  slowest node: us-2, 26.0 s (waiting at a gate 20.0 s, starting 5.0 s, preparing 1.0 s)',
    '  where the time went: waiting at a gate 20.0 s, starting 15.0 s, preparing 2.0 s, stopping 2.0 s',
  ]);
  expect(timingLines({ ...done, restarts: [] }, [])).toEqual([]);
});

const alone = (...nodes: string[]): PlannedBatch => ({
  ...{ cluster: 'us', nodes, attribute: null, canary: false, away: false },
});
const plan: Plan = {
  ...{
    version: 1,
    planId: 'p1',
    hash: 'abcdef0123456789',
    workflow: 'connect',
    title: 'Connect eu to us',
    createdAt: run.createdAt,
    clusters: ['eu'],
  },
  stages: [{ id: 'roll-us', title: 'Roll us', mode: 'roll' }],
  estimate: { seconds: 360, unknown: ['us-3'], text: 'about 6m 00s from the last restarts; unknown for us-3' },
  steps: [
    {
      id: 's1',
      kind: 'node.change',
      target: 'us-1',
      effect: 'restart',
      reason: 'The port is off.',
      diff: '+ remote_cluster_server.enabled: true',
      stage: 'roll-us',
    },
  ],
  ...{ restarts: ['us-1'], outages: ['us has one node.'], warnings: [], roll: {}, batches: [alone('us-1')] },
};

it('shows restarts, outages, stages and reasons of a plan, and differences when asked', () => {
  const text = planText(plan, false);
  for (const part of [
    'us-1',
    'us has one node.',
    '--accept-outage',
    'Roll us',
    'The port is off.',
    'about 6m 00s',
    'unknown for us-3',
  ])
    expect(text).toContain(part);
  expect(text).not.toContain('remote_cluster_server.enabled');
  expect(planText(plan, true)).toContain('+ remote_cluster_server.enabled: true');
  expect(keptPlanText(plan)).toMatch(
    /\+ remote_cluster_server.enabled: true\n(.*\n)*.*format 1, SHA-256 abcdef0123456789\.$/,
  );
  expect(planText({ ...plan, steps: [], restarts: [], outages: [] }, false)).toContain('Nothing to do');
});

it('shows what restarts together only where more than the order was asked for, and many single nodes as one line', () => {
  expect(planText(plan, false)).toContain('Restarts, in this order: us-1.');
  const zoneB = { ...alone('us-5', 'us-6'), attribute: 'b' };
  const batches = [
    { ...alone('us-1'), attribute: 'a', canary: true },
    { ...alone('us-2'), attribute: 'a' },
    { ...alone('us-3'), attribute: 'a' },
    zoneB,
    { ...alone('us-7'), attribute: 'a', away: true },
  ];
  const text = planText({ ...plan, roll: { batchBy: 'zone', canary: true }, batches }, false);
  expect(text).toContain(`
Restarts in 5 batches, masters alone and no shard or role as a whole; the run decides anew before each:
  batch 1 (zone a, canary: the run then pauses for \`remora runs continue\`): us-1
  batches 2 to 3 (one node each, zone a): us-2, us-3
  batch 4 (zone b): us-5, us-6
  batch 5 (zone a, agent away, so after the others): us-7
Time for the restarts`);
  expect(text).toContain('Roll us (batch by batch, behind the gates)');
});

it('shows the batches of two zones as the documentation does', () => {
  const zone = (attribute: string, ...nodes: string[]) => ({ ...alone(...nodes), attribute });
  const batches = [zone('a', 'us-2', 'us-3'), zone('b', 'us-4'), zone('b', 'us-1')];
  expect(planText({ ...plan, roll: { batchBy: 'zone' }, batches }, false)).toContain(`
Restarts in 3 batches, masters alone and no shard or role as a whole; the run decides anew before each:
  batch 1 (zone a): us-2, us-3
  batches 2 to 3 (one node each, zone b): us-4, us-1
`);
});

it('keeps the margins of a diff, says the same of several targets once, and how to carry the plan out', () => {
  const [first] = plan.steps as [PlanStep];
  const steps = ['us-1', 'us-2', 'us-3'].map((target) => ({ ...first, target, diff: '' }));
  const yml = { ...first, target: 'us-4', diff: ' node:\n   name: us-4\n+  attr.zone: a' };
  const grown = { ...plan, steps: [...steps, yml] };
  expect(checkedPlanText(grown, true, {})).toContain(`
    us-1, us-2, us-3: node.change [restart]
      The port is off.
    us-4: node.change [restart]
      The port is off.
         node:
           name: us-4
        +  attr.zone: a
`);
  expect(checkedPlanText(grown, false, {})).toMatch(/\nCarry it out with: remora apply p1 --accept-outage$/);
  expect(checkedPlanText({ ...plan, steps: [] }, false, {})).not.toContain('remora apply');
});

it('says how to carry a plan out with all that it was asked for, but what is kept with it', () => {
  const how = (plan: Plan, options: ChangeOptions) => checkedPlanText(plan, false, options).split('\n').at(-1);
  const safe = { ...plan, outages: [] };
  const options: ChangeOptions = {
    ...{ acceptOutage: true, serial: ['2'], waitOffline: '12h', notAfter: '2030-01-31T22:00:00Z' },
    ...{ onFailure: 'rollback', override: ['quorum'], pause: ['slm', 'ml'], reason: "it's $HOME" },
  };
  expect(how({ ...safe, roll: { serial: ['2'] } }, options)).toBe(
    `Carry it out with: remora apply p1 --wait-offline 12h --not-after 2030-01-31T22:00:00Z --on-failure rollback --override quorum --pause slm,ml --reason 'it'\\''s $HOME'`,
  );
  // Of a plan that is kept only this much is known.
  const away = { ...plan, batches: [{ ...alone('us-1'), away: true }] };
  expect(keptPlanText(away)).toContain('\nCarry it out with: remora apply p1 --accept-outage --wait-offline TIME\n');
});

it('shows who asked for a run, and with which flags', () => {
  const text = runText({ ...run, options: { serial: ['1', '50%'], canary: true, reason: 'a dry run' } });
  expect(text).toContain(
    "asked for by admin at 2026-01-01T00:00:00Z, plan p1, with --serial 1,50% --canary --reason 'a dry run'\n",
  );
});

it('reads an event stream however it is cut', async () => {
  const bytes = new TextEncoder().encode(
    ': hello\n\nid: 7\nevent: step\ndata: {"a":"ü"}\n\n: beat\n\nevent: end\ndata: {}\n\n',
  );
  for (const size of [1, 3, bytes.length]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const events = [];
    for await (const event of readServerEvents(
      (async function* () {
        yield* chunks;
      })(),
    ))
      events.push(event);
    expect(events).toEqual([
      { id: '7', type: 'step', data: '{"a":"ü"}' },
      { id: null, type: 'end', data: '{}' },
    ]);
  }
});
