import Type, { type Static } from 'typebox';
import { effectClasses } from '../settings.ts';
import { ChangeOptions } from './change-options.ts';

/** A plan as people and scripts see it (`--check`, the HTTP API); the coordinator keeps each step's typed input beside it. */
export const PlanStep = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  /** The node or cluster that the step acts on, or `coordinator`. */
  target: Type.String(),
  effect: Type.Enum([...effectClasses]),
  reason: Type.String(),
  /**
   * What becomes different, as lines that begin with `+`, `-` or a blank; of elasticsearch.yml as a unified diff. Secrets by reference, and what stands in a
   * file under the name of a secret is masked.
   */
  diff: Type.String(),
  stage: Type.String(),
});
export type PlanStep = Static<typeof PlanStep>;

/** `serial` runs its steps one by one, `parallel` side by side, `roll` node by node in the order that is right at that moment (the elected master last). */
export const PlanStage = Type.Object({
  id: Type.String(),
  title: Type.String(),
  mode: Type.Enum(['serial', 'parallel', 'roll']),
});
export type PlanStage = Static<typeof PlanStage>;

/** Nodes that restart together, as it would be decided now: a run decides anew before each batch. */
export const PlannedBatch = Type.Object({
  cluster: Type.String(),
  nodes: Type.Array(Type.String()),
  /** What the nodes have for the attribute that `batchBy` names; null without it. */
  attribute: Type.Union([Type.String(), Type.Null()]),
  /** The run pauses after it, until somebody says to continue. */
  canary: Type.Boolean(),
  /** Their agents were away, so they come after the others. */
  away: Type.Boolean(),
});
export type PlannedBatch = Static<typeof PlannedBatch>;

/** How long a plan's restarts take, from how long the last ones of the same nodes took. What was never measured has no number. */
export const Estimate = Type.Object({
  /** Batch after batch, each as long as its slowest node that was measured, from the stop until the cluster had recovered; null when none was measured. */
  seconds: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  /** Nodes that are restarted and were never measured: not in `seconds`. */
  unknown: Type.Array(Type.String()),
  /** The same in words. */
  text: Type.String(),
});
export type Estimate = Static<typeof Estimate>;

/** The format of a plan at rest and as JSON. It grows when a release that knows the one before would misread a plan. */
export const PLAN_VERSION = 1;

export const Plan = Type.Object({
  version: Type.Literal(PLAN_VERSION),
  planId: Type.String(),
  /** SHA-256 over what the plan does; the same facts and wishes give the same hash. */
  hash: Type.String(),
  workflow: Type.String(),
  /** One sentence for people. */
  title: Type.String(),
  createdAt: Type.String(),
  /** The clusters that a run of this plan holds while it runs. */
  clusters: Type.Array(Type.String()),
  /** In the order in which they are carried out; each step names its own. */
  stages: Type.Array(PlanStage),
  steps: Type.Array(PlanStep),
  /** Nodes that will be restarted, in the planned order. */
  restarts: Type.Array(Type.String()),
  /** How its rolls were asked for; `apply` does the same unless it is told otherwise. */
  roll: Type.Pick(ChangeOptions, ['serial', 'batchBy', 'canary']),
  /** The batches that this makes of the nodes that are restarted, roll after roll. */
  batches: Type.Array(PlannedBatch),
  /** What becomes unavailable and for how long about; each needs --accept-outage. */
  outages: Type.Array(Type.String()),
  /** What an operator should know although it blocks nothing. */
  warnings: Type.Array(Type.String()),
  estimate: Estimate,
});
export type Plan = Static<typeof Plan>;
