import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import type { StepError } from '@remora/shared/model/run.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
import type { AnyStep, StoredPlan } from '../../plan/steps.ts';
import { isGoingOn } from '../../store/runs/run-hash.ts';
import { isDone, StepFailure } from '../run-step.ts';
import type { StageParts } from './next-step.ts';

/** Until when nodes that are away are waited for, counted from when the run was made; null when nobody asked for it, or that is over. */
export const waitsUntil = ({ writer, clock }: StageParts): string | null => {
  const { waitOffline } = writer.options;
  if (waitOffline === undefined) return null;
  const until = Date.parse(writer.createdAt) + parseDuration(waitOffline);
  return clock().getTime() < until ? new Date(until).toISOString() : null;
};

/** The run ends without nodes whose agents are away, and goes on when they are back: nothing failed. */
export class NodesLeft extends StepFailure {}

/** Ends the run without the nodes whose agents are away, and notes that it has to go on: a cluster is not held for what may take a day. */
export const leaveOffline = async (
  { writer }: StageParts,
  pending: readonly AnyStep[],
  until: string,
): Promise<never> => {
  const nodes = pending.flatMap(({ input }) => ('node' in input ? [{ cluster: input.cluster, node: input.node }] : []));
  await writer.file('debts', writer.runId, { runId: writer.runId, fence: writer.fence, nodes, until });
  const names = nodes.map(({ node }) => node).join(', ');
  throw new NodesLeft({
    code: 'agent-offline',
    message: `${names} ${nodes.length > 1 ? 'are' : 'is'} left, since ${nodes.length > 1 ? 'their agents are' : 'its agent is'} offline.`,
    hint: `The run goes on by itself when an agent is back by ${until}. Start \`remora agent run\` there.`,
  });
};

/** What ends a run that takes a connection apart without such nodes, where its key is not invalidated yet: who wants that now need not wait for them. */
export const tellLivingKeys = (parts: StageParts, plan: StoredPlan, error: StepError): StepError => {
  const living = plan.steps.filter((step) => step.kind === 'api-key.invalidate' || step.kind === 'api-key.revoke');
  if (plan.workflow !== 'disconnect' || living.every((step) => isDone(parts, step))) return error;
  const { local, alias } = plan.wanted as DisconnectRequest;
  return {
    code: error.code,
    message: `${error.message} The API key of ${local}/${alias} is still valid.`,
    hint: `${error.hint} The same command, given again now, plans without it and invalidates the key: \`remora disconnect ${local} ${alias} --wait-offline TIME\`.`,
  };
};

/** The node whose agent a step cannot do without, where nothing is lost by coming to it later. */
const nodeOf = (step: AnyStep): NodeId | null =>
  step.kind === 'node.change' || step.kind === 'trust.verify' || step.kind === 'handshake.verify' ? step.input : null;

/**
 * Of the steps of a stage that run side by side those that have not begun and whose agents are away, where the run is to wait for such; none where it is not. What
 * follows the stage needs them, so the run ends with it.
 */
export const awayOf = async (parts: StageParts, steps: readonly AnyStep[]): Promise<readonly AnyStep[]> => {
  const { isOnline, writer } = parts;
  if (!isOnline || waitsUntil(parts) === null) return [];
  const looks = steps.map(async (step): Promise<AnyStep[]> => {
    const node = nodeOf(step);
    if (node === null || isDone(parts, step) || isGoingOn(writer.step(step.id).status)) return [];
    return (await isOnline(node).catch(() => true)) ? [] : [step];
  });
  return (await Promise.all(looks)).flat();
};
