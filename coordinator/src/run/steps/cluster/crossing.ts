import { RemoraError } from '@remora/shared/errors.ts';
import { limitOf } from '../../../limit.ts';
import { isProven, proveConnection } from '../../../observe/connections/proof.ts';
import type { Crossing } from '../../../plan/connection/crossing.ts';
import type { StepContext } from '../../executor.ts';
import type { StepParts } from '../parts.ts';

/** Until then a node that was just told may not be let in yet; searches fail meanwhile if it never is. */
const CROSSING_LIMIT_MS = 6000;
const AGAIN_MS = 500;

/** The first thing that keeps a node from crossing a connection; null where all are let in. */
const obstacle = async (
  parts: StepParts,
  { local, alias, keySecret }: Crossing,
  only?: readonly string[],
): Promise<string | null> => {
  const key = await parts.inventory.apiKeys.get(keySecret);
  const proof = await proveConnection(parts, local, alias, key?.id ?? null, only);
  if (isProven(proof)) return null;
  const bad = proof.find(({ state }) => state === 'failed');
  return bad === undefined ? 'no node has the role remote_cluster_client' : `${bad.node}: ${bad.error}`;
};

/** Waits a short time until every node is let in; answers what keeps one out. */
export const obstacleLeft = async (
  parts: StepParts,
  context: StepContext,
  crossing: Crossing,
  only?: readonly string[],
): Promise<string | null> => {
  const limit = limitOf(CROSSING_LIMIT_MS);
  for (;;) {
    const found = await obstacle(parts, crossing, only);
    if (found === null || limit.isOver()) return found;
    await context.sleep(AGAIN_MS);
  }
};

interface Change {
  readonly make: () => Promise<void>;
  readonly undo: () => Promise<void>;
}

/**
 * Changes something of a connection, and of one that works takes the change back at once where it works no more, and throws `proof-failed`. Whether a change that was not
 * answered took effect is not known: the same holds for it.
 */
export const changeCrossing = async (
  parts: StepParts,
  context: StepContext,
  crossing: Crossing | null,
  { make, undo }: Change,
): Promise<void> => {
  if (crossing === null) return make();
  try {
    await make();
  } catch (error) {
    await context.checkFence();
    // Where it cannot be undone either, the run says why it failed, and a rollback of it undoes it.
    await undo().catch(() => undefined);
    throw error;
  }
  await context.phase('asking every node to cross the connection');
  const found = await obstacleLeft(parts, context, crossing);
  if (found === null) return;
  await context.checkFence();
  await undo();
  throw new RemoraError(
    'proof-failed',
    `The connection ${crossing.alias} of cluster ${crossing.local} did not work any more with this change, which was taken back: ${found}.`,
  );
};
