import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { Run, RunStatus, RunStep, StepError, StepStatus } from '@remora/shared/model/run.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import type { StoredPlan } from '../../plan/steps.ts';

/** What is fixed when a run is created. `outline` is what lists show of the steps, so that they need not read plans. */
export interface RunHead {
  readonly runId: string;
  readonly planId: string;
  readonly planHash: string;
  readonly workflow: string;
  readonly title: string;
  readonly actor: string;
  readonly createdAt: string;
  readonly clusters: readonly string[];
  readonly outline: readonly StepOutline[];
  readonly options: ChangeOptions;
}

type StepOutline = Pick<RunStep, 'id' | 'kind' | 'target' | 'stage' | 'reason'>;

/** State of one step. `intent`, `before`, `result` and `kept` are what its executor remembers. */
export interface StepState {
  readonly status: StepStatus;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly phase: string | null;
  readonly error: StepError | null;
  readonly intent: unknown;
  readonly before: unknown;
  readonly result: unknown;
  /** What a further attempt has to know of the ones before it; the others are forgotten with their attempt. */
  readonly kept: unknown;
}

export const pendingStep: StepState = {
  status: 'pending',
  attempts: 0,
  startedAt: null,
  finishedAt: null,
  phase: null,
  error: null,
  intent: null,
  before: null,
  result: null,
  kept: null,
};

/**
 * The hash `run:R`, read: `head` as JSON, `clusters` again for the scripts, `status`, `waitingFor` while it waits, `waited` once it had to, `begun` once it was resumed half-way, `fence`, `version` (grows by one with each
 * write), `request` (of the last write), `events` (their number), `steps` (theirs, as they count for the retention), `finishedAt`, `error`, `restarts` (a list of node names), `step:ID` and `restore:NAME` as
 * JSON each; `restarted:ID` (the newest attempt of a step that restarted its node); `notPutBack`, the names of entries of `restore:` that could not be put back when that was tried last; `stop` (the error that it will end with) once somebody asked to cancel it, `continued` once somebody said to go on after the first node of a roll; `rollback` once a run was filed that takes it back by itself, or took it back; `restored`, the id of a restore from a back-up.
 */
export interface RunRecord {
  readonly head: RunHead;
  readonly status: RunStatus;
  /** The run that holds a cluster which this one needs, or that came earlier and needs one too. */
  readonly waitingFor: string | null;
  /** Whether another run went before this one after its plan was made. */
  readonly waited: boolean;
  readonly fence: number;
  readonly version: number;
  readonly finishedAt: string | null;
  readonly error: StepError | null;
  readonly restarts: readonly string[];
  /** Step id -> the newest attempt of it that restarted its node. */
  readonly restartedIn: ReadonlyMap<string, number>;
  readonly continued: boolean;
  /** Set when the store was restored from a back-up while this run could still reach agents; part of what its deliveries are called. */
  readonly restored: string | null;
  /** The run that takes, or took, this one back. */
  readonly rollback: string | null;
  readonly steps: ReadonlyMap<string, StepState>;
  readonly restores: ReadonlyMap<string, unknown>;
  /** Those of them that could not be put back when that was tried last. */
  readonly notPutBack: readonly string[];
}

export const headOf = (plan: StoredPlan, run: Pick<RunHead, 'runId' | 'actor' | 'createdAt' | 'options'>): RunHead => {
  const { planId, hash: planHash, workflow, title, clusters } = plan;
  const outline = plan.steps.map(({ id, kind, target, stage, reason }) => ({ id, kind, target, stage, reason }));
  return { ...run, planId, planHash, workflow, title, clusters, outline };
};

/** Whether a driver began the step and did not end it: the next one goes on with the same attempt. */
export const isGoingOn = (status: StepStatus): boolean => status === 'running' || status === 'waiting';

/** Whether any of its steps was begun; one that failed and is to be tried again was. */
export const hasBegun = ({ steps }: Pick<RunRecord, 'steps'>): boolean =>
  [...steps.values()].some(({ status, attempts }) => status !== 'pending' || attempts > 0);

const entriesWith = (hash: Readonly<Record<string, string>>, prefix: string): [string, unknown][] =>
  Object.entries(hash)
    .filter(([field]) => field.startsWith(prefix))
    .map(([field, text]) => [field.slice(prefix.length), JSON.parse(text)]);

/** Reads a run's hash; null when there is no such run. */
export const parseRunHash = (hash: Readonly<Record<string, string>>): RunRecord | null => {
  if (hash.head === undefined) return null;
  return {
    head: JSON.parse(hash.head) as RunHead,
    status: hash.status as RunStatus,
    waitingFor: hash.waitingFor ?? null,
    waited: hash.waited !== undefined,
    fence: Number(hash.fence ?? 0),
    version: Number(hash.version ?? 0),
    finishedAt: hash.finishedAt ?? null,
    error: hash.error === undefined ? null : (JSON.parse(hash.error) as StepError),
    restarts: JSON.parse(hash.restarts ?? '[]') as string[],
    restartedIn: new Map(entriesWith(hash, 'restarted:') as [string, number][]),
    continued: hash.continued !== undefined,
    restored: hash.restored ?? null,
    rollback: hash.rollback ?? null,
    steps: new Map(entriesWith(hash, 'step:') as [string, StepState][]),
    restores: new Map(entriesWith(hash, 'restore:')),
    notPutBack: JSON.parse(hash.notPutBack ?? '[]') as string[],
  };
};

/** A run as people and scripts see it, at this moment; its steps in the plan's order. */
export const runView = (record: RunRecord, now: Date): Run => {
  const { head, status, waitingFor, finishedAt } = record;
  const until = isEnded(status) && finishedAt !== null ? Date.parse(finishedAt) : now.getTime();
  const { planHash: _, outline, options: __, ...rest } = head;
  const isLeft = (name: string): boolean => isEnded(status) || record.notPutBack.includes(name);
  const left = [...record.restores.keys()].filter((name) => name !== 'rollback' && isLeft(name));
  return {
    ...rest,
    clusters: [...head.clusters],
    status,
    finishedAt,
    waitingFor,
    steps: outline.map((step) => {
      const { status, attempts, startedAt, finishedAt, phase, error } = record.steps.get(step.id) ?? pendingStep;
      return { ...step, status, attempts, startedAt, finishedAt, error, phase: isGoingOn(status) ? phase : null };
    }),
    restarts: [...record.restarts],
    options: head.options ?? {},
    durationMs: Math.max(0, until - Date.parse(head.createdAt)),
    error: record.error,
    rollback: record.rollback,
    ...(record.restores.has('rollback') ? { rollbackPending: true } : {}),
    ...(left.length > 0 ? { leftToPutBack: left } : {}),
  };
};
