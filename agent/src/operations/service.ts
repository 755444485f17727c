import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { changesDisk, type Draft } from '../journal/draft.ts';
import { answers } from '../node/http.ts';

/**
 * Plans a restart; it comes last in a step. The process that runs now is the one to replace. Only when the step changed nothing on the disk and the
 * process that the coordinator wants replaced has gone already is there nothing to stop: whatever runs now has started since.
 */
export const planService = async (
  input: OperationInput<'service'>,
  context: AgentContext,
  draft: Draft,
): Promise<null> => {
  const identity = await context.node.current();
  if (identity === null && (await answers(context.url))) {
    throw new RemoraError(
      'preflight-failed',
      `Something answers at ${context.url}, but the agent of ${context.config.name} does not see its process, so it could not tell that it was restarted.`,
      { hint: "Run the agent as root or as Elasticsearch's user, in the same container or host, and check --es-url." },
    );
  }
  const isReplaced = input.replaces !== undefined && input.replaces !== identity && !changesDisk(draft);
  draft.restart = {
    replaces: isReplaced ? (input.replaces ?? null) : identity,
    timeoutMs: input.startTimeoutMs,
    beganAtMs: null,
    stoppedAtMs: null,
  };
  return null;
};
