import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import {
  ALLOCATION,
  pauseAllocation,
  restoreAllocation,
} from '../../../../coordinator/src/run/steps/node/allocation.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const SETTING = 'cluster.routing.allocation.enable';
type Values = Record<string, string | null>;

/** A master that answers `_cluster/settings` as Elasticsearch does, but may be too busy for a while, and then do late what it was asked for. */
const startMaster = async (persistent: string | null) => {
  const settings: { persistent: Values; transient: Values } = { persistent: { [SETTING]: persistent }, transient: {} };
  const late: (() => void)[] = [];
  const puts: Values[] = [];
  const state = { busyFor: 0 };
  const put = async (request: IncomingMessage): Promise<boolean> => {
    const body = JSON.parse(await text(request)) as { persistent: Values };
    puts.push(body.persistent);
    const apply = (): void => void Object.assign(settings.persistent, body.persistent);
    if (state.busyFor > 0) {
      state.busyFor -= 1;
      late.push(apply);
      return false;
    }
    // The queue of a master is first in first out.
    for (const earlier of late.splice(0)) earlier();
    apply();
    return true;
  };
  const us = await startWireCluster(async (request) => {
    const done = request.method === 'GET' || (await put(request));
    const kept = (values: Values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    const answer = { acknowledged: true, persistent: kept(settings.persistent), transient: kept(settings.transient) };
    const timedOut = { error: { type: 'process_cluster_event_timeout_exception', reason: 'timed out' }, status: 503 };
    return done ? { body: answer } : { status: 503, body: timedOut };
  });
  return { clients: clientsOf({ us }), puts, state, value: () => settings.persistent[SETTING] ?? null };
};

/** What the run keeps of a pause. */
const contextOf = () => {
  const restores = new Map<string, unknown>();
  const context = {
    setRestore: async (name: string, value: unknown) => void (restores.has(name) || restores.set(name, value)),
    checkFence: async () => undefined,
    sleep: async () => undefined,
  } as unknown as StepContext;
  return { restores, context };
};

test('a master that is too busy for the pause is asked again', async () => {
  const master = await startMaster('all');
  master.state.busyFor = 2;
  const { context, restores } = contextOf();
  await pauseAllocation(context, await master.clients.get('us'), 'us');
  expect(master.value()).toBe('primaries');
  await restoreAllocation(master.clients)(restores.get(ALLOCATION));
  expect(master.value()).toBe('all');
});

test('a pause that the master carries out only later does not outlive the restore', async () => {
  const master = await startMaster(null);
  master.state.busyFor = 1;
  const { context, restores } = contextOf();
  const stopping = { ...context, sleep: () => Promise.reject(new Error('handed over')) } as StepContext;
  await expect(pauseAllocation(stopping, await master.clients.get('us'), 'us')).rejects.toThrow('handed over');
  expect(master.value()).toBeNull();
  await restoreAllocation(master.clients)(restores.get(ALLOCATION));
  expect(master.value()).toBeNull();
  expect(master.puts).toEqual([{ [SETTING]: 'primaries' }, { [SETTING]: null }]);
});

test('what somebody else set meanwhile stays', async () => {
  const master = await startMaster('all');
  const { context, restores } = contextOf();
  const client = await master.clients.get('us');
  await pauseAllocation(context, client, 'us');
  await client.cluster.putSettings({ persistent: { [SETTING]: 'none' } });
  await restoreAllocation(master.clients)(restores.get(ALLOCATION));
  expect(master.value()).toBe('none');
});
