import { expect, test } from 'vitest';
import type { CaRecord, ConnectionRecord } from '../../../../coordinator/src/plan/records.ts';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { successionStep } from '../../../../coordinator/src/run/steps/keys/succession.ts';

const ca = { name: 'us-remote', certificatePem: 'PEM' } as CaRecord;
const connection = (local: string): ConnectionRecord =>
  ({ local, remote: 'us', alias: 'us', ca: 'us-remote' }) as ConnectionRecord;

/** What the step files when these connections trust the CA that goes. */
const filed = async (connections: readonly ConnectionRecord[], isRetired = false): Promise<unknown[]> => {
  const records: unknown[] = [];
  const context = {
    memory: { intent: null, kept: null },
    remember: async () => undefined,
    file: async (...record: unknown[]) => void records.push(record),
  } as unknown as StepContext;
  const inventory = {
    cas: { get: async () => ca },
    connections: { list: async () => connections },
    certificates: { list: async () => [] },
  } as unknown as Parameters<typeof successionStep>[0]['inventory'];
  const input = { ca: 'us-remote', successor: 'us-remote-2', isRetired, clusters: ['us', 'eu'] };
  await successionStep({ inventory, clock: () => new Date('2026-03-01T12:00:00Z') })(context, input);
  return records;
};

test('the rotation is noted', async () => {
  expect(await filed([connection('eu')])).toEqual([['cas', 'us-remote', { ...ca, successor: 'us-remote-2' }]]);
});

test('a connection from a cluster that came after the plan ends it before anything is changed', async () => {
  await expect(filed([connection('eu'), connection('ap')])).rejects.toMatchObject({
    code: 'plan-stale',
    message:
      'The connection ap/us came to trust CA us-remote after the plan was made, and is not part of it. Nothing was changed.',
  });
});

test('a CA that something uses is not retired', async () => {
  await expect(filed([connection('eu')], true)).rejects.toThrow(/the connection eu\/us came to use it meanwhile/);
  expect(await filed([], true)).toEqual([
    ['cas', 'us-remote', { ...ca, successor: 'us-remote-2', retiredAt: '2026-03-01T12:00:00.000Z' }],
  ]);
});
