import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '@remora/shared/model/run.ts';
import { boundaryOf, LAST, type Observed } from './baseline.ts';
import { type FaultName, faults } from './faults.ts';
import { isEnd, isRun, type Moment, type SeenFence, Watcher } from './moments.ts';
import { measurePickUp, type PickUp } from './pick-up.ts';
import { allOnline, type Prepared, prepareRun, runAtRest, startRun } from './runs.ts';
import { type Dice, diceOf } from './seed.ts';
import type { Stack, StoreMode } from './stack/stack.ts';
import type { WorkflowName } from './workflows.ts';

/** One fault at one boundary of one workflow; with the seed it says everything that is done. */
export interface Case {
  readonly workflow: WorkflowName;
  readonly boundary: string;
  readonly fault: FaultName;
  readonly seed: number;
}

export interface CaseResult extends Case {
  readonly problems: readonly string[];
  /** Where exactly it happened. */
  readonly point: string;
  /** From the fault until the run was seen to go on, in ms; null where it had ended, or did not go on. */
  readonly pickUpMs: number | null;
  /** From the first request to the end of the run, in ms. */
  readonly runMs: number;
  /** Whether the run ended as failed, since an agent took its change back, and was taken up by `resume`. */
  readonly resumed: boolean;
}

export const caseName = ({ workflow, boundary, fault }: Case): string => `${workflow}/${boundary}/${fault}`;

/** A step that lasts longer by itself is not searched to its end for a point. */
const LONGEST_DELAY_MS = 1500;

interface Point {
  readonly what: string;
  readonly delayMs: number;
}

/** Somewhere between two things that can be seen in a step; of the last step's end, a moment after it. */
const pointIn = (moments: readonly Moment[], dice: Dice): Point => {
  const names = [...new Set(moments.map(({ what }) => what))].sort();
  const what = dice.pick(names);
  const index = moments.findIndex((moment) => moment.what === what);
  const gapMs = (moments[index + 1]?.at ?? 0) - (moments[index]?.at ?? 0);
  return { what, delayMs: dice.between(0, Math.max(20, Math.min(gapMs, LONGEST_DELAY_MS))) };
};

const victimOf = (stack: Stack, run: Run, boundary: string, dice: Dice): string => {
  const names = stack.nodes.map(({ name }) => name);
  const target = run.steps.find((step) => boundaryOf(step) === boundary)?.target ?? '';
  const other = dice.pick(names);
  return names.includes(target) ? target : other;
};

const chosen = (setting: boolean | 'dice', dice: Dice): boolean => {
  const thrown = dice.between(0, 2) === 0;
  return setting === 'dice' ? thrown : setting;
};

/** A private Redis belongs to one coordinator, so nobody stands by. */
const settingOf = (fault: FaultName, dice: Dice): { mode: StoreMode; standby: boolean } => {
  const { store, standby } = faults[fault];
  const mode: StoreMode = store === 'dice' ? dice.pick(['shared', 'private']) : store;
  return { mode, standby: chosen(standby, dice) && mode === 'shared' };
};

/** Waits for the point; or for the end of its step, where it goes another way this time. */
const reach = async (watcher: Watcher, run: Run, boundary: string, { what, delayMs }: Point): Promise<string> => {
  const isOwn = (step: Run['steps'][number], index: number): boolean =>
    boundary === LAST ? index === run.steps.length - 1 : boundaryOf(step) === boundary;
  const own = new Set(run.steps.filter(isOwn).map(({ id }) => id));
  const reached = await watcher.first(
    (moment) => (own.has(moment.step) && (moment.what === what || isEnd(moment))) || (isRun(moment) && isEnd(moment)),
  );
  await sleep(delayMs);
  return reached.what === what ? `${what} + ${delayMs} ms` : `${reached.what} + ${delayMs} ms, instead of ${what}`;
};

/**
 * The one way in which a run may fail: an agent that dies while the keystore is written puts it back and says `undone`, since values are not kept to go on
 * with. Then somebody resumes the run.
 */
const isTakenBack = ({ status, steps }: Run): boolean => {
  const errors = steps.flatMap(({ error }) => error ?? []);
  return (
    status === 'failed' &&
    errors.length === 1 &&
    errors.every(
      ({ code, message }) =>
        code === 'step-undone' && message.includes('The agent was ended while elasticsearch-keystore wrote.'),
    )
  );
};

/** A run that was disturbed and has ended. */
export interface Disturbed {
  readonly run: Run;
  readonly prepared: Prepared;
  /** A node that may have been started once more than planned. */
  readonly maybeTwice: string | null;
  readonly fences: readonly SeenFence[];
}

/** Answers every invariant that does not hold, as a sentence. */
export type Judge = (ended: Disturbed) => Promise<string[]>;

/** Where a case runs, and what is known of the workflow there. */
export interface Ground {
  readonly stack: Stack;
  readonly observed: Observed;
  readonly judge: Judge;
}

const disturbed = async ({ stack, observed, judge }: Ground, spec: Case, dice: Dice): Promise<CaseResult> => {
  const prepared = await prepareRun(stack, spec.workflow);
  const began = Date.now();
  const run = await startRun(stack, spec.workflow, prepared);
  const watcher = new Watcher(stack, run.runId);
  let pickUp: PickUp | undefined;
  try {
    const node = victimOf(stack, run, spec.boundary, dice);
    const wanted = pointIn(observed.moments.get(spec.boundary) ?? [], dice);
    const point = await reach(watcher, run, spec.boundary, wanted);
    pickUp = await measurePickUp(stack, run.runId, watcher, spec.fault);
    const note = await faults[spec.fault].strike({ stack, runId: run.runId, node, dice });
    let ended = await runAtRest(stack, run.runId);
    const resumed = spec.fault === 'agent-kill' && isTakenBack(ended);
    if (resumed) {
      await stack.api({ method: 'POST', path: `/runs/${run.runId}/resume`, key: randomUUID(), body: {} });
      ended = await runAtRest(stack, run.runId);
    }
    const runMs = Date.now() - began;
    await allOnline(stack);
    const isOwnRestart = spec.fault === 'agent-kill' && spec.boundary.includes(node);
    const problems = await judge({
      run: ended,
      prepared,
      maybeTwice: isOwnRestart ? node : null,
      fences: watcher.fences,
    });
    return {
      ...spec,
      problems,
      point: [point, node, note].filter((part) => typeof part === 'string').join(', '),
      pickUpMs: pickUp.measured(),
      runMs,
      resumed,
    };
  } finally {
    pickUp?.stop();
    watcher.stop();
  }
};

/** Runs one case from a fresh start; what goes wrong in it is a problem of it, not of the suite. */
export const runCase = async (ground: Ground, spec: Case): Promise<CaseResult> => {
  const { stack } = ground;
  const dice = diceOf(spec.seed, caseName(spec));
  const { mode, standby } = settingOf(spec.fault, dice);
  const where = `${mode} Redis${standby ? ', second coordinator' : ''}`;
  try {
    await stack.start(mode, standby);
    const result = await disturbed(ground, spec, dice);
    return { ...result, point: `${result.point}, ${where}` };
  } catch (error) {
    const problems = [error instanceof Error ? error.message : String(error)];
    return { ...spec, problems, point: where, pickUpMs: null, runMs: 0, resumed: false };
  } finally {
    await stack.stop();
  }
};
