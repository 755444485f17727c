import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

export const recordDeploymentTrustStep =
  ({ inventory }: Pick<StepParts, 'inventory'>): Executor<'deployment-trust.record'> =>
  async (context, { id, trust }) => {
    await rememberBefore(context, () => inventory.deploymentTrusts.get(id));
    await context.file('deploymentTrusts', id, trust);
    return null;
  };
