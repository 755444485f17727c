import type { Plan } from '@remora/shared/model/plan.ts';
import type { StoredPlan } from '../../plan/steps.ts';

/** A stored plan as people and scripts see it: without the steps' typed inputs. */
export const planView = ({ stages: _, wanted: __, steps, ...plan }: StoredPlan): Plan => ({
  ...plan,
  clusters: [...plan.clusters],
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
  outages: [...plan.outages],
  warnings: [...plan.warnings],
});
