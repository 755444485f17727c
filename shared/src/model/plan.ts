import Type, { type Static } from 'typebox';
import { effectClasses } from '../settings.ts';

/** A plan as people and scripts see it (`--check`, the HTTP API); the coordinator keeps each step's typed input beside it. */
export const PlanStep = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  /** The node or cluster that the step acts on, or `coordinator`. */
  target: Type.String(),
  effect: Type.Enum([...effectClasses]),
  reason: Type.String(),
  /** What becomes different, as lines that begin with `+`, `-` or a blank; secrets by reference. */
  diff: Type.String(),
  stage: Type.String(),
});
export type PlanStep = Static<typeof PlanStep>;

export const Plan = Type.Object({
  planId: Type.String(),
  /** SHA-256 over what the plan does; the same facts and wishes give the same hash. */
  hash: Type.String(),
  workflow: Type.String(),
  /** One sentence for people. */
  title: Type.String(),
  createdAt: Type.String(),
  /** The clusters that a run of this plan holds while it runs. */
  clusters: Type.Array(Type.String()),
  steps: Type.Array(PlanStep),
  /** Nodes that will be restarted, in the planned order. */
  restarts: Type.Array(Type.String()),
  /** What becomes unavailable and for how long about; each needs --accept-outage. */
  outages: Type.Array(Type.String()),
  /** What an operator should know although it blocks nothing. */
  warnings: Type.Array(Type.String()),
});
export type Plan = Static<typeof Plan>;
