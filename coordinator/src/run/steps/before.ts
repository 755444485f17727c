import type { StepContext } from '../executor.ts';

/**
 * Remembers what stood there before the change, for a rollback of the run. The first attempt knows: a later one, of a run that was resumed, may find what an
 * earlier one made.
 */
export const rememberBefore = async (
  { memory, remember }: Pick<StepContext, 'memory' | 'remember'>,
  look: () => Promise<unknown>,
): Promise<void> => {
  if (memory.kept === null) await remember({ kept: { before: await look() } });
};
