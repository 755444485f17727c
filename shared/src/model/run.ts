import Type, { type Static } from 'typebox';
import { ChangeOptions } from './change-options.ts';

export const runStatuses = [
  'waiting',
  'running',
  'paused',
  'waiting_approval',
  'succeeded',
  'failed',
  'cancelled',
  'rolled_back',
] as const;
export type RunStatus = (typeof runStatuses)[number];

export const stepStatuses = ['pending', 'waiting', 'running', 'succeeded', 'failed', 'skipped', 'undone'] as const;
export type StepStatus = (typeof stepStatuses)[number];

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const StepError = Type.Object({ code: Type.String(), message: Type.String(), hint: Type.String() });
export type StepError = Static<typeof StepError>;

/** A step of a run as people and scripts see it. Times are ISO 8601 in UTC. */
export const RunStep = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  target: Type.String(),
  stage: Type.String(),
  reason: Type.String(),
  status: Type.Enum([...stepStatuses]),
  attempts: Type.Integer(),
  startedAt: Nullable(Type.String()),
  finishedAt: Nullable(Type.String()),
  /** What is being done right now, in a few words. */
  phase: Nullable(Type.String()),
  error: Nullable(StepError),
});
export type RunStep = Static<typeof RunStep>;

export const Run = Type.Object({
  runId: Type.String(),
  planId: Type.String(),
  workflow: Type.String(),
  title: Type.String(),
  actor: Type.String(),
  createdAt: Type.String(),
  finishedAt: Nullable(Type.String()),
  status: Type.Enum([...runStatuses]),
  /** The run that holds a cluster which this one needs; null when it waits for nobody. */
  waitingFor: Nullable(Type.String()),
  clusters: Type.Array(Type.String()),
  steps: Type.Array(RunStep),
  /** Nodes that this run has restarted so far. */
  restarts: Type.Array(Type.String()),
  /** From the creation until now or the end. */
  durationMs: Type.Integer(),
  error: Nullable(StepError),
  /** The run that takes, or took, this one back; null when none does. */
  rollback: Type.Optional(Nullable(Type.String())),
  /** It failed, and a run that takes it back is about to be filed (`--on-failure rollback`). */
  rollbackPending: Type.Optional(Type.Boolean()),
  /** It has ended, and these (`WHAT` or `WHAT:CLUSTER`) are still to be put back to what they were: its clusters stay locked until they are. */
  leftToPutBack: Type.Optional(Type.Array(Type.String())),
  /** How it is to be carried out, as it was asked for. */
  options: ChangeOptions,
});
export type Run = Static<typeof Run>;

/** Something that happened in a run, as the event stream tells it. `seq` grows by one within a run. */
export const RunEvent = Type.Object({
  seq: Type.Integer(),
  at: Type.String(),
  runId: Type.String(),
  /** `run` for the run itself, `step` for one of its steps. */
  type: Type.Union([Type.Literal('run'), Type.Literal('step')]),
  stepId: Nullable(Type.String()),
  status: Type.String(),
  /** A few words for people. */
  message: Type.String(),
});
export type RunEvent = Static<typeof RunEvent>;

/** Whether a run in this status is over. */
export const isEnded = (status: RunStatus): boolean =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled' || status === 'rolled_back';

/** Whether nothing more happens to a run in this status unless somebody asks for it. */
export const isAtRest = (status: RunStatus): boolean => isEnded(status) || status === 'paused';
