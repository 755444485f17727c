import type { Plan } from '@remora/shared/model/plan.ts';
import type { PlanDocument } from '../../plan/steps.ts';

/** A plan as people and scripts see it: without the steps' typed inputs. */
export const planView = ({ wanted: _, stages, steps, ...plan }: PlanDocument): Plan => ({
  ...plan,
  clusters: [...plan.clusters],
  stages: [...stages],
  steps: steps.map(({ id, kind, target, effect, reason, diff, stage }) => ({
    id,
    kind,
    target,
    effect,
    reason,
    diff,
    stage,
  })),
  restarts: [...plan.restarts],
  batches: plan.batches.map((batch) => ({ ...batch, nodes: [...batch.nodes] })),
  outages: [...plan.outages],
  warnings: [...plan.warnings],
});
