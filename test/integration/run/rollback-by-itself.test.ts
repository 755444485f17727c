import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { newHead, type RunEngine } from '../../../coordinator/src/run/engine.ts';
import { ROLLBACK } from '../../../coordinator/src/run/stage/on-failure.ts';
import { recordConnectionStep } from '../../../coordinator/src/run/steps/cluster/connection.ts';
import { invalidateApiKeyStep } from '../../../coordinator/src/run/steps/keys/api-key-undo.ts';
import type { StepParts } from '../../../coordinator/src/run/steps/parts.ts';
import { putBackRecordsStep } from '../../../coordinator/src/run/steps/rollback.ts';
import {
  type ByItselfParts,
  refusalByItself,
  rollBackByItself,
} from '../../../coordinator/src/services/runs/rollbacks.ts';
import { type Inventory, openInventory } from '../../../coordinator/src/store/inventory.ts';
import { type Bench, makeBench, until } from './bench.ts';
import { fileExecutors, fileRestorers, planOf, workStep } from './effects.ts';

let bench: Bench;
let inventory: Inventory;
beforeEach(async () => {
  bench = await makeBench();
  inventory = openInventory(bench.redis.redis);
});

const connection = { local: 'eu', remote: 'us', alias: 'us', keySecret: 'secret:k@1' } as ConnectionRecord;
const step = (id: string, of: Pick<AnyStep, 'kind' | 'input'>): AnyStep =>
  ({ ...{ id, target: 'coordinator', effect: 'none', reason: 'r', diff: '', stage: 'work' }, ...of }) as AnyStep;
const file = step('file', { kind: 'connection.record', input: { connection } });

/** The engine with the coordinator's own way back; plans of no cluster ask none. */
const engine = (): Promise<RunEngine> => {
  let plans = 0;
  const clock = () => new Date();
  const fileFirst: ByItselfParts['fileFirst'] = (plan, { idempotencyKey, ...how }) =>
    bench.store.create(newHead(plan, clock(), how), plan, idempotencyKey, true);
  const secretVersions = async () => ({});
  const parts = { history: bench.store, inventory, secretVersions, clock, fileFirst } as unknown as ByItselfParts;
  const back = rollBackByItself({ ...parts, newPlanId: () => `plan-back-${++plans}` });
  return bench.engine({
    executors: {
      ...fileExecutors(bench.file),
      'connection.record': recordConnectionStep({ inventory }),
      'inventory.put-back': putBackRecordsStep,
      'api-key.invalidate': invalidateApiKeyStep({ inventory, secretVersions, clock } as unknown as StepParts),
    },
    restorers: { ...fileRestorers(bench.file), [ROLLBACK]: back },
  });
};

const fails = (...steps: AnyStep[]): StoredPlan => planOf([], [{ mode: 'serial', steps }]);
const failing = fails(file, workStep('b', 'work', { fail: 'step-failed' }));

describe('--on-failure rollback', () => {
  const started: ChangeOptions = { onFailure: 'rollback', ticket: 'T-1' };

  test.each(['2030-01-31T22:00:00Z', '2020-01-31T22:00:00Z'])(
    'keeps to the window until %s, which holds for restarts only',
    async (notAfter) => {
      const runs = await engine();
      const run = await bench.fileRun(failing, { options: { ...started, notAfter } });
      await until(async () => (await runs.get(run)).status === 'rolled_back');
      const { rollback } = await runs.get(run);
      expect((await runs.get(rollback ?? '')).options).toEqual({ ticket: 'T-1', notAfter });
      expect(await inventory.connections.list()).toEqual([]);
    },
  );

  test('says why where nothing is to be taken back, and what there is to look at', async () => {
    const runs = await engine();
    const reload = step('reload', {
      kind: 'secure-settings.reload',
      input: { cluster: 'us', node: 'us-1', keystorePassword: null },
    });
    const run = await bench.fileRun(fails(reload), { options: started });
    await until(async () => {
      const { status, rollbackPending } = await runs.get(run);
      return status === 'failed' && rollbackPending === undefined;
    });
    expect((await runs.events(run, 0)).map(({ message }) => message)).toContain(
      `not rolled back: Run ${run} cannot be rolled back: it changed nothing that could be put back. \`remora runs show\` tells what it did.`,
    );
    expect(await runs.list({ limit: 10 })).toHaveLength(1);
  });

  test('restarts no node after the window, and makes nothing unavailable that was not accepted', () => {
    const plan = { outages: [], restarts: ['us-1', 'us-2'] };
    const [notAfter, before, after] = [
      '2030-01-31T22:00:00Z',
      new Date('2030-01-31T21:59:00Z'),
      new Date('2030-01-31T22:00:00Z'),
    ];
    expect(refusalByItself(plan, 'run-1', { notAfter }, before)).toBeNull();
    expect(refusalByItself(plan, 'run-1', {}, after)).toBeNull();
    expect(refusalByItself({ ...plan, restarts: [] }, 'run-1', { notAfter }, after)).toBeNull();
    expect(refusalByItself(plan, 'run-1', { notAfter }, after)).toBe(
      '--not-after 2030-01-31T22:00:00Z is over, and it would restart us-1, us-2. `remora runs rollback run-1` does it when the next window is open.',
    );
    const outage = { ...plan, outages: ['Cluster eu is unavailable.'] };
    expect(refusalByItself(outage, 'run-1', {}, before)).toContain(
      '`remora runs rollback run-1 --accept-outage` does it',
    );
    expect(refusalByItself(outage, 'run-1', { acceptOutage: true }, before)).toBeNull();
  });
});

test.each([
  [[], 'no cluster is named'],
  [['eu'], 'cluster eu has no agent'],
])('a key is not invalidated where nobody can be asked whether a node has it: %j', async (locals, why) => {
  const runs = await engine();
  const input = { cluster: 'us', id: 'k1', secret: 'secret:k@1', locals };
  const run = await bench.fileRun(fails(step('invalidate', { kind: 'api-key.invalidate', input })));
  const { status, error } = await bench.ended(run);
  expect([status, error?.code]).toEqual(['failed', 'step-failed']);
  expect(error?.message).toBe(
    `The API key secret:k@1 is not invalidated: ${why} that could say whether a keystore still has it.`,
  );
  expect((await runs.get(run)).steps[0]?.status).toBe('failed');
});
