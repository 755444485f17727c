import { RemoraError } from '@remora/shared/errors.ts';
import { limitOf } from '../../../limit.ts';
import { isProven, proveConnection } from '../../../observe/connections/proof.ts';
import type { Crossing } from '../../../plan/steps.ts';
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

/** After a change of a connection that works: where it does not work any more, `undo` is carried out at once, and `proof-failed` thrown. */
export const crossOrUndo = async (
  parts: StepParts,
  context: StepContext,
  crossing: Crossing | null,
  undo: () => Promise<void>,
): Promise<void> => {
  if (crossing === null) return;
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
