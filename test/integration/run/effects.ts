import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { RemoraError } from '@remora/shared/errors.ts';
import { PLAN_VERSION } from '@remora/shared/model/plan.ts';
import type { AnyStep, PlanDocument, Stage, StepInputs, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import type { Executor, Executors, Restorers, StepContext } from '../../../coordinator/src/run/executor.ts';

/** What a step of these tests does, carried in the one free-form input that a step has. */
export interface Work {
  readonly ms?: number;
  /** Throws with this code when the work is done. */
  readonly fail?: 'step-failed' | 'step-undone' | 'agent-offline';
  /** So many attempts fail, then one succeeds; all when absent. */
  readonly failures?: number;
  /** Records that this has to be put back. */
  readonly restore?: string;
  /** Counts as the restart of a node. */
  readonly restart?: true;
  /** Waits until the run is cancelled, as a step does at a closed gate. */
  readonly gate?: true;
  /** Waits for `release`, listening to the signal or deaf to it. */
  readonly held?: 'listening' | 'deaf';
}

/** A call that would take effect later than this is given up, as calls to Elasticsearch are after 10 s. */
const CALL_LIMIT_MS = 200;
const WAITED_OUT_MS = 400;

export const readEffects = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

const RELEASED = 'released';

/** Lets all steps go on that are held. */
export const release = (file: string): void => appendFileSync(file, `${RELEASED}\n`);

/** Takes effect at most `CALL_LIMIT_MS` after the fence was found to be ours. */
const takeEffect = async (context: StepContext, file: string, line: string): Promise<void> => {
  for (;;) {
    const asked = performance.now();
    await context.checkFence();
    if (performance.now() - asked > CALL_LIMIT_MS) continue;
    appendFileSync(file, line);
    return;
  }
};

const perform =
  (file: string): Executor<'cluster-settings.put'> =>
  async (context, input) => {
    const work = input.persistent as Work;
    const name = `${context.runId}/${context.stepId}/${context.attempt}`;
    if (context.memory.intent !== null) {
      await context.sleep(WAITED_OUT_MS);
      if (readEffects(file).some((line) => line.startsWith(`effect ${name} `))) return { observed: true };
    }
    while (work.gate) {
      await context.phase('waiting, gate closed');
      await context.haltIfCancelled();
      await context.sleep(20);
    }
    await context.remember({ intent: { name } });
    if (work.restore !== undefined) await context.setRestore(work.restore, { name });
    await context.sleep((work.ms ?? 0) / 2);
    const isHeld = (): boolean => work.held !== undefined && !readEffects(file).includes(RELEASED);
    while (isHeld()) await (work.held === 'deaf' ? sleep(20) : context.sleep(20));
    await takeEffect(context, file, `effect ${name} ${process.pid}\n`);
    await context.sleep((work.ms ?? 0) / 2);
    if (work.restart) await context.restarted(context.stepId);
    if (work.fail && context.attempt <= (work.failures ?? Number.POSITIVE_INFINITY))
      throw new RemoraError(work.fail, `${context.stepId} was told to fail`);
    return { observed: false };
  };

const never = (): Promise<never> => Promise.reject(new Error('these tests have no such step'));

/** Executors whose effects are lines of a file: `effect RUN/STEP/ATTEMPT PID`. */
export const fileExecutors = (file: string): Executors => ({
  'ca.create': never,
  'ca.import': never,
  'ca.succession': never,
  'certificate.issue': never,
  'signing-certificate.issue': never,
  'signing-certificate.forget': never,
  'signing-settings.put': never,
  'signing-trust.verify': never,
  'signing.verify': never,
  'api-key.identify': never,
  'trust.verify': never,
  'handshake.verify': never,
  'node.change': async (context, { operations, ...node }) => {
    const { outcome } = await context.change(node, operations, { timeoutMs: 60_000 });
    return outcome;
  },
  'remote-server.verify': never,
  'peer-trust.verify': never,
  'certificate.verify': never,
  'transport-name.verify': never,
  'cloud.key': never,
  'cloud.trust': never,
  'cluster.trust': never,
  'api-key.create': never,
  'api-key.update': never,
  'secure-settings.reload': never,
  'cluster-settings.put': perform(file),
  'connection.prove': never,
  'connection.record': never,
  'deployment-trust.record': never,
  'api-key.put-back': never,
  'api-key.invalidate': never,
  'api-key.revoke': never,
  'api-keys.revoke': never,
  'api-key.verify': never,
  'role.put': never,
  'user.put': never,
  'inventory.put-back': never,
  'run.rollback': async (context, { run }) => context.rolledBack(run),
});

/** Writes `restored NAME`; `flaky` fails as often as there are no two lines about it yet. */
export const fileRestorers = (file: string): Restorers => ({
  paused: async () => appendFileSync(file, 'restored paused\n'),
  flaky: async () => {
    const tried = readEffects(file).filter((line) => line === 'tried flaky').length;
    appendFileSync(file, 'tried flaky\n');
    if (tried < 2) throw new Error('the cluster does not answer');
    appendFileSync(file, 'restored flaky\n');
  },
});

let plans = 0;

export const workStep = (id: string, stage: string, work: Work = {}): AnyStep => ({
  ...{
    id,
    kind: 'cluster-settings.put',
    target: work.restart ? id : 'us',
    effect: 'api',
    reason: `because of ${id}`,
    diff: '',
    stage,
  },
  input: { cluster: 'us', persistent: { ...work } as StepInputs['cluster-settings.put']['persistent'] },
});

export const planOf = (
  clusters: readonly string[],
  stages: readonly { readonly mode: Stage['mode']; readonly steps: readonly AnyStep[] }[],
): StoredPlan => {
  plans += 1;
  const planId = `plan-${process.pid}-${plans}`;
  return {
    ...{ planId, hash: `hash of ${planId}`, workflow: 'test', wanted: null, title: 'A run of tests', clusters },
    createdAt: new Date().toISOString(),
    stages: stages.map(({ mode, steps }, index) => ({ id: steps[0]?.stage ?? `empty-${index}`, title: mode, mode })),
    steps: stages.flatMap(({ steps }) => steps),
    ...{ restarts: [], outages: [], warnings: [] },
  };
};

/** A plan of `count` steps, one after the other. */
export const serialPlan = (clusters: readonly string[], count: number, work: Work = {}): StoredPlan =>
  planOf(clusters, [
    { mode: 'serial', steps: Array.from({ length: count }, (_, i) => workStep(`s${i}`, 'work', work)) },
  ]);

/** Steps that had an effect, and as which attempt: `STEP/ATTEMPT`. */
export const effectsOf = (effects: readonly string[]): string[] =>
  effects.flatMap((line) => /^effect [^/]+\/(\S+)/.exec(line)?.[1] ?? []);

/** A plan of a roll of these nodes, and a step after it. */
export const rollOf = (work: Readonly<Record<string, Work>>): StoredPlan =>
  planOf(
    ['us'],
    [
      { mode: 'roll', steps: Object.entries(work).map(([id, one]) => workStep(id, 'roll', { restart: true, ...one })) },
      { mode: 'serial', steps: [workStep('after', 'after')] },
    ],
  );

/** The plan as it is filed and shown. */
export const documentOf = (plan: StoredPlan): PlanDocument => ({
  ...plan,
  ...{
    version: PLAN_VERSION,
    roll: {},
    batches: [],
    estimate: { seconds: null, unknown: [], text: 'no node is restarted' },
  },
});
