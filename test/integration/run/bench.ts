import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { isAtRest, type Run } from '@remora/shared/model/run.ts';
import { afterEach } from 'vitest';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import type { DriverParts } from '../../../coordinator/src/run/drive.ts';
import { newId, type RunEngine, startRunEngine } from '../../../coordinator/src/run/engine.ts';
import { openStore, type Store } from '../../../coordinator/src/store/open-store.ts';
import { headOf } from '../../../coordinator/src/store/runs/run-hash.ts';
import { RunStore } from '../../../coordinator/src/store/runs/run-store.ts';
import { startCoordinator, type TestCoordinator } from './coordinators.ts';
import { fileExecutors, fileRestorers, readEffects } from './effects.ts';
import { type RestartableRedis, startRestartableRedis } from './restartable-redis.ts';

/** A Redis, a file of effects, and coordinators on them, in this process or in their own. All ends with the test. */
export interface Bench {
  readonly redis: RestartableRedis;
  readonly store: RunStore;
  readonly file: string;
  /** Effects and restores so far. */
  effects(): string[];
  /** Files a run as a coordinator does, without driving it. */
  fileRun(plan: StoredPlan, how?: { readonly key?: string; readonly options?: ChangeOptions }): Promise<string>;
  engine(parts?: Partial<Omit<DriverParts, 'store'>>): Promise<RunEngine>;
  openStore(): Promise<Store>;
  /** One of another program, where it is named. */
  coordinator(main?: string): Promise<TestCoordinator>;
  ended(runId: string): Promise<Run>;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Waits until `look` answers something; a test's own time limit ends it. */
export const until = async <T>(look: () => T | Promise<T>): Promise<NonNullable<T>> => {
  for (;;) {
    const found = await look();
    if (found) return found;
    await sleep(25);
  }
};

export const makeBench = async (): Promise<Bench> => {
  const redis = await startRestartableRedis();
  cleanups.push(() => redis.stop());
  const directory = await mkdtemp(join(tmpdir(), 'remora-effects-'));
  cleanups.push(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'effects');
  const runs = new RunStore(redis.redis, () => new Date());
  const open = async (): Promise<Store> => {
    const store = await openStore({ path: redis.path });
    cleanups.push(() => store.close());
    return store;
  };
  return {
    ...{ redis, store: runs, file, openStore: open },
    effects: () => readEffects(file),
    fileRun: (plan, { key, options = {} } = {}) => {
      const now = new Date();
      const head = headOf(plan, { runId: newId('run', now), actor: 'tester', createdAt: now.toISOString(), options });
      return runs.create(head, plan, key);
    },
    async engine(parts = {}) {
      const engine = await startRunEngine(await open(), {
        executors: fileExecutors(file),
        restorers: fileRestorers(file),
        agents: { change: () => Promise.reject(new Error('no agents here')) },
        nextInRoll: async (pending, { size }) => pending.slice(0, size),
        clock: () => new Date(),
        log: silent,
        redact: (text) => text,
        ...parts,
      });
      cleanups.push(() => engine.close());
      return engine;
    },
    async coordinator(main) {
      const coordinator = await startCoordinator(redis.path, file, main);
      cleanups.push(async () => {
        coordinator.signal('SIGKILL');
        await coordinator.exited;
      });
      return coordinator;
    },
    ended: (runId) =>
      until(async () => {
        const run = await runs.view(runId);
        return isAtRest(run.status) ? run : null;
      }),
  };
};
