import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { formatDuration } from '@remora/shared/model/values/duration.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { type Limit, limitOf } from '../../../limit.ts';
import { observeGates, sayGates } from '../../../observe/roll-gates.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { StepContext } from '../../executor.ts';
import { haltIfLate } from '../../stage/halt.ts';
import type { StepParts } from '../parts.ts';
import { ALLOCATION, pauseAllocation } from './allocation.ts';

type NodeChange = StepInputs['node.change'];

/** How long a closed gate is waited for before the run stops. */
const GATE_LIMIT_MS = 30 * 60_000;
const JOIN_LIMIT_MS = 15 * 60_000;
const RECOVERY_LIMIT_MS = 60 * 60_000;
const POLL_MS = 1000;

/** Waits until all gates are open for all of the batch, and answers what is overridden in words; throws with their names and reasons when the limit is over. */
const waitForGates = async (parts: StepParts, context: StepContext): Promise<string | null> => {
  const limit = limitOf(GATE_LIMIT_MS);
  const { changes, nodes } = context.batch;
  for (;;) {
    // It may have waited here, or its agent may have been away, until long after the time to begin.
    haltIfLate(context.options, parts.clock);
    const { override = [], reason = '' } = context.options;
    const all = await observeGates(parts, changes);
    const closed = all.filter(({ gate }) => !override.includes(gate));
    if (closed.length === 0) return all.length > 0 ? `gate overridden (${reason}): ${sayGates(all)}` : null;
    await context.haltIfCancelled();
    const text = sayGates(closed);
    if (limit.isOver()) {
      throw new RemoraError(
        'step-failed',
        `${nodes.join(', ')} ${nodes.length > 1 ? 'were' : 'was'} not restarted, since a gate stayed closed for ${formatDuration(GATE_LIMIT_MS)}: ${text}.`,
        {
          hint: 'Mend what the gate names, then go on with `remora runs resume`; or give the command again with --override and --reason.',
        },
      );
    }
    await context.phase(`waiting, gate closed: ${text}`);
    await context.sleep(POLL_MS * 2);
  }
};

/** What is done before the nodes of a batch stop: allocation for primaries only, and a flush so that shards recover quickly. */
const prepare = async (context: StepContext, client: Client, { cluster }: NodeChange): Promise<void> => {
  await context.phase('setting allocation to primaries');
  await pauseAllocation(context, client, cluster);
  await context.phase('flushing');
  // A flush only shortens recovery: one that fails or takes long must not hold the roll.
  await client.indices.flush({}, { requestTimeout: 10_000 }).catch(() => undefined);
};

/** Waits at the gates, for a node of which something has to be asked behind them that may take long; `openTheWay` looks at them again. */
export const waitBefore = async (parts: StepParts, context: StepContext): Promise<void> => {
  await context.batch.once('gates', () => waitForGates(parts, context));
};

/** Gates are looked at a moment before a node restarts, not an hour: a node whose turn took longer must not begin any more. */
export const FRESH_MS = 30_000;

/** Waits at the gates and prepares the cluster, once for the whole batch. Answers how long the node may begin, from when the gates were found open. */
export const openTheWay = async (
  parts: StepParts,
  context: StepContext,
  client: Client,
  change: NodeChange,
): Promise<Limit> => {
  const { batch } = context;
  const [first] = batch.nodes;
  if (first !== change.node) await context.phase(`waiting at the gates with ${first}`);
  return batch.once('way', async () => {
    const overridden = await waitForGates(parts, context);
    const fresh = limitOf(FRESH_MS);
    if (overridden !== null) await context.phase(overridden, 'gate.override');
    await prepare(context, client, change);
    return fresh;
  });
};

/** Start of the node's process as the cluster knows it, null while it is not in the cluster or the cluster does not answer. */
export const startOf = async (client: Client, node: string): Promise<number | null> => {
  try {
    return (await listNodes(client)).find(({ name }) => name === node)?.startedAtMs ?? null;
  } catch {
    return null;
  }
};

const START_LIMIT_MS = 60_000;

/** The same before anything is stopped, when the cluster has to answer: a start that is not known could not be told from the next one. */
export const startBefore = async (context: StepContext, client: Client, change: NodeChange): Promise<number> => {
  for (let waited = 0; waited < START_LIMIT_MS; waited += POLL_MS) {
    const start = await startOf(client, change.node);
    if (start !== null) return start;
    await context.sleep(POLL_MS);
  }
  throw new RemoraError(
    'step-failed',
    `Node ${change.node} was not restarted: cluster ${change.cluster} did not tell when its process began.`,
  );
};

/** After a restart that was taken back: waits for the node to be in the cluster again, as long as a join may take, notes whether it was restarted, and answers whether it is back. */
export const noteRestart = async (
  context: StepContext,
  client: Client,
  change: NodeChange,
  before: number | null,
): Promise<{ readonly isBack: boolean }> => {
  await context.phase('waiting until the node is back in the cluster');
  const limit = limitOf(JOIN_LIMIT_MS);
  let start = await startOf(client, change.node);
  while (start === null && !limit.isOver()) {
    await context.sleep(POLL_MS);
    start = await startOf(client, change.node);
  }
  if (start !== null && start !== before) await context.restarted(change.node);
  return { isBack: start !== null };
};

/** A restart went wrong; says whether the node is in the cluster all the same. */
export class RestartFailed extends Error {
  readonly failure: RemoraError;
  readonly isBack: boolean;

  constructor(failure: RemoraError, { isBack }: { readonly isBack: boolean }) {
    super(failure.message);
    this.failure = failure;
    this.isBack = isBack;
  }
}

/** Waits until the cluster has the node with another start than before. Throws RestartFailed after the limit. */
export const waitForJoin = async (
  context: StepContext,
  client: Client,
  change: NodeChange,
  before: number | null,
): Promise<void> => {
  await context.phase('waiting until the node is back in the cluster');
  const limit = limitOf(JOIN_LIMIT_MS);
  for (;;) {
    const start = await startOf(client, change.node);
    // Another start, not a later one: the clock of the node's host may have been set back meanwhile.
    if (start !== null && start !== before) return;
    if (limit.isOver()) {
      const message = `Node ${change.node} answers again, but did not come back into cluster ${change.cluster} within ${formatDuration(JOIN_LIMIT_MS)}.`;
      throw new RestartFailed(new RemoraError('step-failed', message), { isBack: false });
    }
    await context.sleep(POLL_MS);
  }
};

const isRecovered = async (client: Client, change: NodeChange): Promise<boolean> => {
  try {
    const health = await client.cluster.health();
    const rank = { green: 0, yellow: 1, red: 2 } as const;
    const status = health.status.toLowerCase() as keyof typeof rank;
    return (
      rank[status] <= rank[change.baseline.health] &&
      health.initializing_shards === 0 &&
      health.number_of_nodes >= change.baseline.nodes
    );
  } catch {
    return false;
  }
};

/** Waits for the others of the batch, then has allocation put back, once: until then replicas wait for the nodes that are away. */
export const closeTheWay = async (
  context: StepContext,
  { node }: NodeChange,
  how: { readonly isBack: boolean },
): Promise<void> => {
  const { batch, signal } = context;
  const away = batch.arrive(node, how);
  if (away.length > 0) await context.phase(`waiting for ${away.join(', ')}`);
  await batch.everyone(signal);
  await batch.once('allocation', async () => {
    await context.phase('putting allocation back');
    await context.putBack(ALLOCATION);
  });
};

/** Waits until the cluster is as well as it was. After a node was lost it may never be: the run ends with that one's failure, or the next gates wait. */
export const waitForRecovery = async (context: StepContext, client: Client, change: NodeChange): Promise<void> => {
  if (!context.batch.isWhole) return;
  await context.phase('waiting for shards to recover');
  await context.batch.once('recovery', () => recover(context, client, change));
};

const recover = async (context: StepContext, client: Client, change: NodeChange): Promise<void> => {
  const limit = limitOf(RECOVERY_LIMIT_MS);
  while (!(await isRecovered(client, change))) {
    if (limit.isOver())
      throw new RemoraError(
        'step-failed',
        `Cluster ${change.cluster} did not recover to ${change.baseline.health} within ${formatDuration(RECOVERY_LIMIT_MS)} after ${change.node} came back.`,
      );
    await context.sleep(POLL_MS);
  }
};
