import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { startRunEngine } from '../../../coordinator/src/run/engine.ts';
import { startScheduler } from '../../../coordinator/src/schedule/scheduler.ts';
import { openInventory } from '../../../coordinator/src/store/inventory.ts';
import { openStore } from '../../../coordinator/src/store/open-store.ts';
import { fileExecutors, fileRestorers, serialPlan, type Work } from '../run/effects.ts';

/** What a schedule of these tests does, carried in the reason of its runs. */
export interface ScheduledWork extends Work {
  readonly planningMs?: number;
  readonly refused?: boolean;
  /** So often it is refused since an agent is away. */
  readonly awayTimes?: number;
  readonly warnings?: readonly string[];
}

/**
 * Stands for a coordinator: fires the schedules of a Redis and drives their runs until it is killed; SIGTERM ends it in order. Its log goes to stdout, a JSON
 * object a line.
 */
const [path = '', file = ''] = process.argv.slice(2);
const say = (level: string) => (fields: object, message: string) =>
  void process.stdout.write(`${JSON.stringify({ level, ...fields, message })}\n`);
const log = { info: say('info'), warn: say('warn'), error: say('error') };
const clock = (): Date => new Date();

const store = await openStore({ path });
const engine = await startRunEngine(store, {
  executors: fileExecutors(file),
  restorers: fileRestorers(file),
  agents: { change: () => Promise.reject(new Error('no agents here')) },
  nextInRoll: async (pending, { size }) => pending.slice(0, size),
  ...{ clock, log, redact: (text: string) => text },
});
let awayTimes = 0;
const scheduler = startScheduler(store, {
  ...{ schedules: openInventory(store.redis).schedules, runs: engine, clock, log },
  async begin({ name, options }, { key }) {
    log.info({ key, pid: process.pid }, 'begins');
    const work = JSON.parse(options.reason ?? '{}') as ScheduledWork;
    await sleep(work.planningMs ?? 0);
    if (work.refused)
      throw new RemoraError('preflight-failed', 'It is refused.', { findings: ['A check did not hold.'] });
    awayTimes += 1;
    if (awayTimes <= (work.awayTimes ?? 0)) throw new RemoraError('agent-offline', 'The agent of us-1 is offline.');
    const run = await engine.start(serialPlan(['us'], 1, work), { actor: `schedule:${name}`, idempotencyKey: key });
    return { runId: run.runId, warnings: work.warnings ?? [] };
  },
  tell: async ({ type, id }) => log.info({ type, id }, 'tells'),
  storeProblem: async () => null,
  firstLookMs: 0,
});
process.once('SIGTERM', async () => {
  await scheduler.close();
  await engine.close();
  await store.close();
  process.exit(0);
});
log.info({}, 'ready');
