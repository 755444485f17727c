import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { changesDisk, type Draft } from '../journal/draft.ts';
import { answers } from '../node/http.ts';
import { ANSWER_LIMIT_MS, waitForAnswer } from '../node/restart.ts';
import { pidOf } from '../system/process-table.ts';

/**
 * The process that runs now; null when none does. A node that cannot be seen now could not be seen to come back: its good change would be undone. So
 * nothing begins then, and nothing was changed.
 */
const seenProcess = async (
  context: AgentContext,
  isReplaced: (identity: string | null) => boolean,
): Promise<string | null> => {
  const { url, config } = context;
  const { identity, isSeen } = await waitForAnswer(context, isReplaced);
  if (identity === null && (await answers(url))) {
    throw new RemoraError(
      'preflight-failed',
      `Something answers at ${url}, but the agent of ${config.name} does not see its process, so it could not tell that it was restarted.`,
      { hint: "Run the agent as root or as Elasticsearch's user, in the same container or host, and check --es-url." },
    );
  }
  if (identity !== null && !isSeen) {
    throw new RemoraError(
      'preflight-failed',
      `The node of ${config.name} runs as process ${pidOf(identity)}, but it does not answer at ${url} within ${ANSWER_LIMIT_MS / 1000} s, so the agent could not tell that it came back.`,
      {
        hint: `If it is just starting, wait until it is up. Otherwise put its own HTTP address in ${context.directory.config} and restart the agent.`,
      },
    );
  }
  return identity;
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
  const isReplaced = (identity: string | null): boolean =>
    input.replaces !== undefined && input.replaces !== identity && !changesDisk(draft);
  const identity = await seenProcess(context, isReplaced);
  draft.restart = {
    replaces: isReplaced(identity) ? (input.replaces ?? null) : identity,
    timeoutMs: input.startTimeoutMs,
    beganAtMs: null,
    stoppedAtMs: null,
  };
  return null;
};
