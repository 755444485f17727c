import { describe, expect, test } from 'vitest';
import { parseRunHash, runView } from '../../../../coordinator/src/store/runs/run-hash.ts';

const outline = ['a', 'b'].map((id) => ({ id, kind: 'ca.create', target: 'us', stage: 'one', reason: `why ${id}` }));
const head = {
  ...{ runId: 'run-1', planId: 'plan-1', planHash: 'h', workflow: 'connect', title: 'Connect', actor: 'anna' },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', clusters: ['eu', 'us'], outline },
};
const state = (change: object): string =>
  JSON.stringify({
    ...{ status: 'running', attempts: 1, startedAt: '2026-01-01T00:00:01.000Z', finishedAt: null, phase: null },
    ...{ error: null, intent: null, before: null, result: null, ...change },
  });
const error = { code: 'step-failed', message: 'it broke', hint: 'mend it' };
const NOW = new Date('2026-01-01T00:01:00.000Z');

const view = (fields: Record<string, string>) => {
  const record = parseRunHash({ head: JSON.stringify(head), status: 'running', ...fields });
  if (!record) throw new Error('the hash has a head');
  return runView(record, NOW);
};

describe('a run as people see it', () => {
  test.each([
    [
      'waits',
      { status: 'waiting', waitingFor: 'run-0' },
      { status: 'waiting', waitingFor: 'run-0', durationMs: 60_000 },
    ],
    ['runs', {}, { status: 'running', waitingFor: null, finishedAt: null, error: null, durationMs: 60_000 }],
    [
      'has succeeded',
      { status: 'succeeded', finishedAt: '2026-01-01T00:00:10.000Z', restarts: '["us-1"]' },
      { status: 'succeeded', finishedAt: '2026-01-01T00:00:10.000Z', durationMs: 10_000, restarts: ['us-1'] },
    ],
    [
      'has failed',
      { status: 'failed', finishedAt: '2026-01-01T00:00:10.000Z', error: JSON.stringify(error) },
      { status: 'failed', error },
    ],
    [
      'was created by a clock ahead of ours',
      { head: JSON.stringify({ ...head, createdAt: '2026-01-01T00:02:00.000Z' }) },
      { durationMs: 0 },
    ],
  ])('%s', (_, fields, expected) => {
    expect(view(fields)).toMatchObject(expected);
  });

  test.each([
    ['has not begun', {}, { status: 'pending', attempts: 0, startedAt: null, phase: null }],
    ['runs', { 'step:b': state({ phase: 'flushing' }) }, { status: 'running', phase: 'flushing' }],
    [
      'waits for its agent',
      { 'step:b': state({ status: 'waiting', phase: 'offline' }) },
      { status: 'waiting', phase: 'offline' },
    ],
    ['is over', { 'step:b': state({ status: 'succeeded', phase: 'late' }) }, { status: 'succeeded', phase: null }],
    ['has failed', { 'step:b': state({ status: 'failed', error }) }, { status: 'failed', error }],
  ])('a step %s, after the one before it in the plan', (_, fields, expected) => {
    const [first, second] = view(fields).steps;
    expect(first?.id).toBe('a');
    expect(second).toMatchObject({ id: 'b', reason: 'why b', ...expected });
  });

  test('does not show what steps remember', () => {
    const text = JSON.stringify(view({ 'step:a': state({ intent: 'remembered', before: 'remembered' }) }));
    expect(text).not.toContain('remembered');
  });

  test('is null without a head', () => {
    expect(parseRunHash({})).toBeNull();
  });
});
