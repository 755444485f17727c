import { expect, test } from 'vitest';
import type { StepContext, StepMemory } from '../../../../coordinator/src/run/executor.ts';
import { invalidateApiKeyStep } from '../../../../coordinator/src/run/steps/keys/api-key-undo.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const SECRET = 'secret:connection/eu/us/api-key@1';
const input = { cluster: 'us', id: 'old', secret: SECRET, locals: ['eu'], graceMs: 60_000 };
const START = Date.parse('2026-06-01T12:00:00Z');

/** Carries the step out at a clock that runs with its sleeps; answers how long it slept, what it remembered and whether the key was invalidated. */
const carriedOut = async (
  memory: Partial<StepMemory> = {},
  { held = 'secret:connection/eu/us/api-key@2', cancelAfterMs = Infinity } = {},
) => {
  let nowMs = START;
  let isInvalidated = false;
  const us = await startWireCluster(({ method }) => {
    if (method === 'DELETE') isInvalidated = true;
    return { body: { invalidated_api_keys: ['old'], api_keys: [{ id: 'old', invalidated: isInvalidated }] } };
  });
  const parts = {
    clients: clientsOf({ us }),
    clock: () => new Date(nowMs),
    secretVersions: async () => ({}),
    inventory: {
      nodes: { list: async () => [{ cluster: 'eu', node: 'eu-1' }] },
      clusters: { get: async () => ({ name: 'eu' }) },
    },
    agents: { read: async () => ({ keystore: { entries: [{ name: 'x', reference: held }] } }) },
  } as unknown as StepParts;
  const remembered: unknown[] = [];
  const context = {
    memory: { intent: null, before: null, result: null, kept: null, ...memory },
    remember: async (patch: unknown) => void remembered.push(patch),
    phase: async () => undefined,
    checkFence: async () => undefined,
    haltIfCancelled: async () => {
      if (nowMs - START >= cancelAfterMs) throw new Error('cancelled');
    },
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  } as unknown as StepContext;
  const end = await invalidateApiKeyStep(parts)(context, input).catch((error: Error) => error.message);
  return { end, isInvalidated, sleptMs: nowMs - START, remembered };
};

test('an old key lives on for its grace, which is noted before it begins', async () => {
  expect(await carriedOut()).toEqual({
    ...{ end: { id: 'old' }, isInvalidated: true, sleptMs: 60_000 },
    remembered: [{ intent: { untilMs: START + 60_000 } }],
  });
});

test('whoever goes on after a crash waits for what is left of it', async () => {
  expect(await carriedOut({ intent: { untilMs: START + 5000 } })).toMatchObject({ sleptMs: 5000, isInvalidated: true });
  expect(await carriedOut({ intent: { untilMs: START - 1 } })).toMatchObject({ sleptMs: 0, isInvalidated: true });
});

test('a run that is cancelled meanwhile leaves the key alone', async () => {
  expect(await carriedOut({}, { cancelAfterMs: 3000 })).toMatchObject({ end: 'cancelled', isInvalidated: false });
});

test('a node that still has it in its keystore keeps it alive', async () => {
  const { end, isInvalidated } = await carriedOut({}, { held: SECRET });
  expect([isInvalidated, end]).toEqual([false, expect.stringContaining('the keystore of eu-1 still has it')]);
});
