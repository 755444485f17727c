import type { AnyStep, Stage } from './steps.ts';

/** Steps in the order of their stages; within a stage they stay as they are given. */
export const inStageOrder = (stages: readonly Stage[], steps: readonly AnyStep[]): AnyStep[] => {
  const order = new Map(stages.map(({ id }, index) => [id, index]));
  return steps.toSorted((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
};

/** The stages in which there is something to do. */
export const usedStages = (stages: readonly Stage[], steps: readonly AnyStep[]): Stage[] =>
  stages.filter(({ id }) => steps.some(({ stage }) => stage === id));
