import type { NodeId } from '../plan/node/node-id.ts';
import type { RunWriter } from './run-writer.ts';

const LOOK_MS = 2000;

/** Whether a node's agent has a session, with whichever coordinator. */
export type IsOnline = (node: NodeId) => Promise<boolean>;

/**
 * While a step waits for its delivery, shows it as `waiting` whenever the node's agent is away: the run is not stuck, somebody has to start that agent.
 * Answers how to stop, which leaves the step running.
 */
export const showPresence = (
  { writer, isOnline }: { readonly writer: RunWriter; readonly isOnline: IsOnline },
  stepId: string,
  node: NodeId,
): (() => Promise<void>) => {
  const show = async (online: boolean): Promise<void> => {
    const isShownAway = writer.step(stepId).status === 'waiting';
    if (online && isShownAway) {
      await writer.writeStep(stepId, { status: 'running', phase: null }, `the agent of ${node.node} is back`);
    } else if (!online && !isShownAway) {
      const phase = `waiting for the agent of ${node.node}, which is offline`;
      await writer.writeStep(stepId, { status: 'waiting', phase }, phase);
    }
  };
  let last: Promise<void> = Promise.resolve();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    // What is shown is for people: a look or a write that fails shows at the next write that counts.
    last = isOnline(node).then(show, () => undefined);
    await last.catch(() => undefined);
    isLooking = false;
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  void look();
  return async () => {
    clearInterval(timer);
    await last.catch(() => undefined);
    await show(true);
  };
};
