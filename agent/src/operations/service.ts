import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { changesDisk, type Draft } from '../journal/draft.ts';
import { answers } from '../node/http.ts';
import { answersAs } from '../node/restart.ts';
import { pidOf } from '../system/process-table.ts';

/** A node that cannot be seen now could not be seen to come back: its good change would be undone. So nothing begins, and nothing was changed. */
const refuseUnseen = async (context: AgentContext, identity: string | null, isStopped: boolean): Promise<void> => {
  const { url, config } = context;
  if (identity === null && (await answers(url))) {
    throw new RemoraError(
      'preflight-failed',
      `Something answers at ${url}, but the agent of ${config.name} does not see its process, so it could not tell that it was restarted.`,
      { hint: "Run the agent as root or as Elasticsearch's user, in the same container or host, and check --es-url." },
    );
  }
  if (identity !== null && isStopped && !(await answersAs(identity, context))) {
    throw new RemoraError(
      'preflight-failed',
      `The node of ${config.name} runs as process ${pidOf(identity)}, but it does not answer at ${url}, so the agent could not tell that it came back.`,
      {
        hint: `If it is just starting, wait until it is up. Otherwise put its own HTTP address in ${context.directory.config} and restart the agent.`,
      },
    );
  }
};

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
  const isReplaced = input.replaces !== undefined && input.replaces !== identity && !changesDisk(draft);
  await refuseUnseen(context, identity, !isReplaced);
  draft.restart = {
    replaces: isReplaced ? (input.replaces ?? null) : identity,
    timeoutMs: input.startTimeoutMs,
    beganAtMs: null,
    stoppedAtMs: null,
  };
  return null;
};
