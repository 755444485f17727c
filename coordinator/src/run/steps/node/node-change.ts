import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { Result } from '@remora/shared/protocol/delivery.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { limitOf } from '../../../limit.ts';
import { agentElsewhere } from '../../../plan/node/agent-findings.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import { isStoreFailure } from '../../../store/store-failure.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { StepPostponed } from '../../stage/halt.ts';
import type { StepParts } from '../parts.ts';
import { patientRead } from './patient-read.ts';
import {
  closeTheWay,
  FRESH_MS,
  noteRestart,
  openTheWay,
  RestartFailed,
  startBefore,
  startOf,
  waitBefore,
  waitForJoin,
  waitForRecovery,
} from './roll-node.ts';

type NodeChange = StepInputs['node.change'];

/**
 * A change without a restart is done in seconds. A restart may take 15 minutes each to stop, to start, to stop a start that failed and to start with the last
 * good files: the run must not end before the agent does.
 */
const CHANGE_LIMIT_MS = 5 * 60_000;
const RESTART_LIMIT_MS = 75 * 60_000;
const INSPECT_LIMIT_MS = 60_000;

/** What an executor remembers of a restart, so that whoever goes on after a crash neither restarts twice nor waits at a gate for a node that is down. */
interface RestartIntent {
  /** The delivery may have been sent. */
  readonly sent: true;
  /** Start of the process before, as the cluster knew it; null when it was not in the cluster. */
  readonly startedAtMs: number | null;
}

const failure = (change: NodeChange, result: Result): RemoraError => {
  const what = result.error?.message ?? 'the agent gave no reason';
  const where = `Node ${change.node} of cluster ${change.cluster}`;
  if (result.outcome === 'undone')
    return new RemoraError('step-undone', `${where}: the change was taken back: ${what}`);
  if (result.outcome === 'contested') return new RemoraError('step-contested', `${where}: ${what}`);
  return new RemoraError(
    result.error ? (result.error.code as RemoraError['code']) : 'step-failed',
    `${where}: ${what}`,
    result.error?.hint === undefined ? {} : { hint: result.error.hint },
  );
};

/** What a further attempt has to know: that the agent began one before, or even that the node has the change and was restarted with it. */
interface Kept {
  /** The agent changed something, and took it back or could not. */
  readonly began: true;
  /** Set once the change is in place: start of the process before it, as the cluster knew it. */
  readonly doneSince?: number | null;
}

/** The checks of a plan that it could not make while the agent was away, as long as the cluster has the process of the plan. */
const refuseElsewhere = async (
  { clients }: StepParts,
  { cluster, node, unseen }: NodeChange,
  facts: NodeFacts,
): Promise<void> => {
  if (!unseen) return;
  const agent = { state: 'online', facts, clockSkewMs: 0 } as const;
  const message = agentElsewhere({ name: node, pid: unseen.pid, agent }, { name: cluster });
  if (message === null) return;
  // It is being restarted, and its agent is faster than the cluster: the gates wait for it.
  if ((await startOf(await clients.get(cluster), node)) !== unseen.startedAtMs)
    throw new StepPostponed(`${node} has another process at this moment`);
  throw new RemoraError('wrong-node', message);
};

const ELSEWHERE_LIMIT_MS = 60_000;

/** The same of a change without a restart: whichever process the node has by now will do, as long as the agent is beside it. */
const refuseBesideAnother = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node, unseen }: NodeChange,
): Promise<void> => {
  if (!unseen || context.memory.kept !== null) return;
  const client = await parts.clients.get(cluster);
  const limit = limitOf(ELSEWHERE_LIMIT_MS);
  for (;;) {
    const input = { settings: [], files: [] };
    const facts = await patientRead({ parts, context }, { cluster, node }, 'inspect', input, INSPECT_LIMIT_MS);
    const pid = (await listNodes(client)).find(({ name }) => name === node)?.pid ?? unseen.pid;
    const agent = { state: 'online', facts, clockSkewMs: 0 } as const;
    const message = agentElsewhere({ name: node, pid, agent }, { name: cluster });
    if (message === null) return;
    // It may be restarting, and its agent is faster than the cluster.
    if (limit.isOver()) throw new RemoraError('wrong-node', message);
    await context.sleep(1000);
  }
};

/** Whether the plan does not know what is there: the agent is asked then. */
const needsLook = ({ memory }: StepContext, { unseen }: NodeChange): boolean =>
  memory.kept !== null || unseen !== undefined;

/**
 * What is asked of the agent. The plan names the elasticsearch.yml and the process that it saw. After an attempt that was taken back both are other ones: the
 * node was restarted with the last good files, and whoever resumed the run may have mended the file by hand. Then it is what is there now. So it is where the agent
 * was away when the plan was made.
 */
const operationsOf = async (
  parts: StepParts,
  context: StepContext,
  change: NodeChange,
): Promise<NodeChange['operations']> => {
  if (!needsLook(context, change)) return change.operations;
  const input = { settings: [], files: [] };
  const facts = await patientRead({ parts, context }, change, 'inspect', input, INSPECT_LIMIT_MS);
  if (context.memory.kept === null) await refuseElsewhere(parts, change, facts);
  const { settingsFile, process } = facts;
  const replaces = process.identity === null ? {} : { replaces: process.identity };
  return change.operations.map((call) => {
    if (call.name === 'settings') return { ...call, input: { ...call.input, expectDigest: settingsFile.digest } };
    if (call.name !== 'service') return call;
    const { replaces: _, ...input } = call.input;
    return { ...call, input: { ...input, ...replaces } };
  });
};

const isLate = ({ outcome, error }: Result): boolean => outcome === 'refused' && error?.code === 'delivery-late';

/** Whether a node that the plan saw through its cluster alone has another process by now, which nobody of this run started. */
const wasRestarted = ({ memory }: StepContext, { unseen }: NodeChange, startedAtMs: number | null): boolean =>
  unseen !== undefined &&
  memory.intent === null &&
  memory.kept === null &&
  startedAtMs !== null &&
  startedAtMs !== unseen.startedAtMs;

/** Waits at the gates, then has the agent restart the node. Throws StepPostponed when the agent got it too late and began nothing. */
const restartBehindGates = async (
  parts: StepParts,
  context: StepContext,
  client: Client,
  change: NodeChange,
): Promise<{ readonly result: Result; readonly startedAtMs: number | null }> => {
  // Whoever goes on after a crash asks for what was begun; the gates were looked at by somebody before.
  let intent = context.memory.intent as RestartIntent | null;
  let fresh = { freshForMs: 0, operations: change.operations };
  if (intent === null) {
    // Before the gates are looked at for good: an agent that comes and goes may take minutes to answer.
    if (needsLook(context, change)) await waitBefore(parts, context);
    const operations = await operationsOf(parts, context, change);
    const gates = await openTheWay(parts, context, client, change);
    const startedAtMs = await startBefore(context, client, change);
    if (wasRestarted(context, change, startedAtMs))
      throw new StepPostponed(`${change.node} was restarted at this moment`);
    if (gates.isOver())
      throw new StepPostponed(
        `the gates were looked at too long ago for ${change.node} to begin; its turn comes again`,
      );
    intent = { sent: true, startedAtMs };
    await context.remember({ intent });
    // What is left of the time: Redis may have been away meanwhile.
    fresh = { freshForMs: Math.max(0, Math.ceil(FRESH_MS - gates.passedMs())), operations };
  }
  const { operations, freshForMs } = fresh;
  const result = await context.change(change, operations, { timeoutMs: RESTART_LIMIT_MS, freshForMs });
  if (isLate(result))
    throw new StepPostponed(`the agent of ${change.node} got it too late to begin; its turn comes again`);
  return { result, startedAtMs: intent.startedAtMs };
};

const restartAndJoin = async (
  parts: StepParts,
  context: StepContext,
  client: Client,
  change: NodeChange,
): Promise<void> => {
  const kept = context.memory.kept as Kept | null;
  // It was restarted with the change, and only its cluster took too long: it is not restarted again.
  if (kept?.doneSince !== undefined) {
    await waitForJoin(context, client, change, kept.doneSince);
    return;
  }
  if (change.unseen && wasRestarted(context, change, await startOf(client, change.node))) {
    await context.phase('it was restarted since the plan was made: there is nothing left to do');
    return;
  }
  const { result, startedAtMs } = await restartBehindGates(parts, context, client, change);
  if (result.outcome !== 'done') {
    if (result.outcome === 'refused') throw failure(change, result);
    await context.remember({ kept: { began: true } satisfies Kept });
    // The agent started it with the last good files: allocation goes back only once the node is there again, or its shards would move.
    throw new RestartFailed(failure(change, result), await noteRestart(context, client, change, startedAtMs));
  }
  await context.remember({ kept: { began: true, doneSince: startedAtMs } satisfies Kept });
  await context.restarted(change.node);
  await waitForJoin(context, client, change, startedAtMs);
};

const restart = async (parts: StepParts, context: StepContext, change: NodeChange): Promise<void> => {
  const client = await parts.clients.get(change.cluster);
  try {
    await restartAndJoin(parts, context, client, change);
  } catch (error) {
    // Redis was away: the same attempt goes on when it is back.
    if (isStoreFailure(error)) throw error;
    const isBack = !(error instanceof RestartFailed) || error.isBack;
    // Before other nodes of the roll are looked at. What can't be put back now is put back when the run ends.
    await closeTheWay(context, change, { isBack }).catch(() => context.checkFence());
    throw error instanceof RestartFailed ? error.failure : error;
  }
  await closeTheWay(context, change, { isBack: true });
  await waitForRecovery(context, client, change);
};

/** Carries out a node's transaction; with a restart in it, under the gates of a roll. */
export const nodeChangeStep =
  (parts: StepParts): Executor<'node.change'> =>
  async (context, change) => {
    if (change.operations.some(({ name }) => name === 'service')) await restart(parts, context, change);
    else {
      await refuseBesideAnother(parts, context, change);
      const { unseen: _, ...seen } = change;
      const operations = await operationsOf(parts, context, seen);
      const result = await context.change(change, operations, { timeoutMs: CHANGE_LIMIT_MS });
      if (result.outcome === 'undone' || result.outcome === 'contested')
        await context.remember({ kept: { began: true } satisfies Kept });
      if (result.outcome !== 'done') throw failure(change, result);
    }
    return null;
  };
