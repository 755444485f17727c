import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { StoredPlan } from '../../coordinator/src/plan/steps.ts';
import { newId } from '../../coordinator/src/run/engine.ts';
import { keys } from '../../coordinator/src/store/keys.ts';
import { headOf, pendingStep } from '../../coordinator/src/store/runs/run-hash.ts';
import { RunStore } from '../../coordinator/src/store/runs/run-store.ts';

/** So many events a step has in a run that rolls real nodes. */
const EVENTS_A_STEP = 8;

/** Files a run as a coordinator does and brings it to its end without a driver; answers its id. */
export const fileEndedRun = async (redis: Redis, plan: StoredPlan): Promise<string> => {
  const store = new RunStore(redis, () => new Date());
  const at = new Date();
  const head = headOf(plan, { runId: newId('run', at), actor: 'tester', createdAt: at.toISOString(), options: {} });
  const runId = await store.create(head, plan, undefined);
  await store.admit();
  const record = await store.take(runId);
  if (!record) throw new Error(`run ${runId} was not admitted`);
  let version: number | null = record.version;
  const write = async (patch: Record<string, string>, stepId: string | null): Promise<void> => {
    const event = {
      type: stepId === null ? 'run' : 'step',
      stepId,
      status: 'succeeded',
      message: 'writing a file',
    } as const;
    version = await store.write(runId, {
      fence: record.fence,
      version: version ?? 0,
      request: randomUUID(),
      patch,
      event,
    });
  };
  const times = { startedAt: at.toISOString(), finishedAt: at.toISOString() };
  for (const { id } of plan.steps) {
    const done = {
      ...pendingStep,
      ...times,
      status: 'succeeded',
      attempts: 1,
      intent: { sent: true, startedAtMs: at.getTime() },
    };
    for (let i = 0; i < EVENTS_A_STEP; i += 1) await write({ [`step:${id}`]: JSON.stringify(done) }, id);
  }
  await write({ status: 'succeeded', finishedAt: times.finishedAt }, null);
  await store.release(runId);
  return runId;
};

/** KEYS: runs, meta. ARGV: prefix of run keys, the run to copy, how many copies, how many of them with plan and events. */
const COPY = `
local from = ARGV[1] .. ARGV[2]
local head, steps = redis.call('HGET', from, 'head'), redis.call('HGET', from, 'steps')
for i = 1, tonumber(ARGV[3]) do
  local run = string.format('%s-%05d', ARGV[2], i)
  redis.call('COPY', from, ARGV[1] .. run)
  redis.call('HSET', ARGV[1] .. run, 'head', (string.gsub(head, ARGV[2]:gsub('%-', '%%-'), run)))
  if i > tonumber(ARGV[3]) - tonumber(ARGV[4]) then
    for _, part in ipairs({ ':plan', ':events' }) do redis.call('COPY', from .. part, ARGV[1] .. run .. part) end
  end
  redis.call('ZADD', KEYS[1], redis.call('HINCRBY', KEYS[2], 'runsCreated', 1), run)
  redis.call('HINCRBY', KEYS[2], 'runSteps', steps)
end`;

/** Files copies of an ended run as if they had been created after it, the last \`whole\` of them with plan and events: a history in a moment. */
export const copyRun = async (redis: Redis, runId: string, copies: number, whole: number): Promise<void> => {
  await redis.eval(COPY, 2, keys.runs, keys.meta, keys.run(''), runId, copies, whole);
};
