import { type ErrorCode, RemoraError } from '@remora/shared/errors.ts';
import type { RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { agentFindings, nodesAbsent, throwFindings } from '../node/agent-findings.ts';
import { restartOf, restartOfAny } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { byName, rollOrder } from '../order.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';

const roll: Stage = { id: 'roll', title: 'Restart the nodes', mode: 'roll' };

const wantedNodes = ({ cluster, nodes }: RestartRequest, observed: ClusterObservation): NodeObservation[] => {
  const unknown = nodes?.find((name) => !observed.nodes.some((node) => node.name === name));
  if (unknown !== undefined) {
    const known = [...observed.nodes].sort(byName).map(({ name }) => name);
    throw new RemoraError('bad-input', `Cluster ${cluster} has no node "${unknown}": it has ${known.join(', ')}.`);
  }
  return observed.nodes.filter(({ name }) => nodes === undefined || nodes.includes(name));
};

/** What forbids it, with the code of the first; nothing may be restarted while a node is missing. */
const refuse = (
  { waitOffline }: RestartRequest,
  observed: ClusterObservation,
  nodes: readonly NodeObservation[],
): void => {
  const absent = nodesAbsent(observed);
  // A restart writes no file of the node's.
  const ignored = new Set<ErrorCode>(['node-read-only', ...(waitOffline ? (['agent-offline'] as const) : [])]);
  throwFindings([
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...nodes.flatMap((node) => agentFindings(node, observed)).filter(([code]) => !ignored.has(code)),
  ]);
};

const stepOf = (cluster: ClusterObservation, node: NodeObservation): AnyStep => {
  const { agent, pid, startedAtMs } = node;
  const isSeen = agent.state === 'online';
  const operations = [isSeen ? restartOf(agent.facts) : restartOfAny];
  const away = isSeen ? [] : ['its agent is away, so the node is left until it is back and looked at then'];
  const change = { operations, restart: true, reload: false, diff: [], reasons: ['a restart was asked for', ...away] };
  return nodeStep({
    ...{ cluster, node, change, effect: 'restart', stages: { roll: roll.id, files: roll.id } },
    ...(isSeen ? {} : { unseen: { pid, startedAtMs } }),
  });
};

/** A plan does not become another one when an agent comes or goes: the process that it restarts is told by what the cluster says of it. */
const withoutAgent = (key: string, value: unknown): unknown =>
  ['replaces', 'unseen', 'reason'].includes(key) ? undefined : withoutBaseline(key, value);

const awayWarning = (cluster: string, nodes: readonly NodeObservation[]): string[] => {
  const away = nodes.filter(({ agent }) => agent.state === 'offline').map(({ name }) => name);
  if (away.length === 0) return [];
  const [agents, them] = away.length > 1 ? ['agents', 'these nodes'] : ['agent', 'this node'];
  return [
    `The ${agents} of ${away.join(', ')} (cluster ${cluster}) ${away.length > 1 ? 'are' : 'is'} offline: the run leaves ${them}, and goes on by itself when the ${agents} ${away.length > 1 ? 'are' : 'is'} back in time. Only then it is seen whether each agent is beside its node; a node that was restarted meanwhile is left as it is.`,
  ];
};

/** Plans the restart of a cluster's nodes one by one, from the facts alone. Throws a RemoraError with all findings when it cannot be done. */
export const planRestart = (
  request: RestartRequest,
  observed: ClusterObservation,
  context: PlanContext,
): StoredPlan => {
  const nodes = rollOrder(wantedNodes(request, observed));
  refuse(request, observed, nodes);
  const steps = nodes.map((node) => stepOf(observed, node));
  const processes = nodes.map(({ pid, startedAtMs }) => [pid, startedAtMs]);
  const restarts = steps.map(({ target }) => target);
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify([steps, processes], withoutAgent)),
    workflow: 'restart',
    wanted: request,
    title: `Restart ${request.nodes === undefined ? 'the nodes' : `${restarts.length} nodes`} of ${request.cluster}`,
    createdAt: context.now,
    clusters: [request.cluster],
    stages: [roll],
    steps,
    restarts,
    outages: outagesOf(observed, restarts),
    warnings: [...awayWarning(request.cluster, nodes), ...unreplicatedWarning(observed, restarts)],
  };
};
