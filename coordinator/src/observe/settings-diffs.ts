import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import { withSettingsDiff } from '../plan/node/node-diff.ts';
import type { AnyStep } from '../plan/steps.ts';
import type { ObserveParts } from './observe-nodes.ts';

const TIMEOUT_MS = 20_000;

const editOf = (step: AnyStep): OperationInput<'settings'> | null => {
  if (step.kind !== 'node.change') return null;
  const call = step.input.operations.find(({ name }) => name === 'settings');
  return call?.name === 'settings' ? call.input : null;
};

const withDiff = async <S extends AnyStep>({ agents }: Pick<ObserveParts, 'agents'>, step: S): Promise<S> => {
  const edit = editOf(step);
  if (edit === null || step.kind !== 'node.change') return step;
  const { cluster, node } = step.input;
  try {
    const { diff } = await agents.read({ cluster, node }, 'preview', edit, { timeoutMs: TIMEOUT_MS });
    return { ...step, diff: withSettingsDiff(step.diff, diff) };
  } catch (error) {
    // An agent that went away, or a file that somebody edits at this moment: the plan says what it sets all the same, and its run finds out.
    if (error instanceof RemoraError) return step;
    throw error;
  }
};

/** The steps, with what each agent says that its elasticsearch.yml will look like in the place of the list of settings. Changes nothing. */
export const settingsDiffs = (
  parts: Pick<ObserveParts, 'agents'>,
  steps: readonly AnyStep[],
): Promise<readonly AnyStep[]> => Promise.all(steps.map((step) => withDiff(parts, step)));
