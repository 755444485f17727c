import { RemoraError } from '@remora/shared/errors.ts';
import { statusOf } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { unseenCluster } from '../../plan/connection/unseen-cluster.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import type { NodeId } from '../../plan/steps.ts';
import type { ObserveParts } from '../observe-nodes.ts';

/**
 * Whether an answer is that of a proxy before a cluster that it does not reach, or knows no more (Elastic Cloud says 404 of a deployment that is terminated, a load balancer
 * without any node 503). A cluster that says such a thing gives its reason as an object.
 */
const isOfProxy = (error: unknown): boolean => {
  const status = statusOf(error) ?? 0;
  const { body } = error as { readonly body?: { readonly error?: unknown } | string | null };
  const isElasticsearch = typeof body === 'object' && typeof body?.error === 'object';
  return [502, 504].includes(status) || ([404, 503].includes(status) && !isElasticsearch);
};

/** The cluster id of whatever answers at the addresses of a cluster; `no` where nothing does, null where it does not say. */
const answering = async (clients: ClusterClients, cluster: string): Promise<string | null | 'no'> => {
  try {
    return (await (await clients.get(cluster)).info()).cluster_uuid;
  } catch (error) {
    return statusOf(error) === undefined || isOfProxy(error) ? 'no' : null;
  }
};

const refusal = (message: string, hint: string): RemoraError => new RemoraError('conflict', message, { hint });

/**
 * A cluster that is gone for good, as far as a planner looks at one: no node, no setting. Throws `conflict` where it answers still, with the hint what to do then; another
 * cluster at its addresses is not it.
 */
const observeGone = async (clients: ClusterClients, name: string, hint: string): Promise<ClusterObservation> => {
  const { clusterUuid } = await clients.record(name);
  const answered = await answering(clients, name);
  if (answered === null || answered === clusterUuid) throw refusal(`Cluster ${name} is not gone: it answers.`, hint);
  return unseenCluster(name, clusterUuid);
};

/** A remote cluster that is gone: while it answers its keys can be invalidated. */
export const observeGoneRemote = (clients: ClusterClients, name: string): Promise<ClusterObservation> =>
  observeGone(clients, name, 'Give the command without --remote-gone, which would leave the API key valid.');

const AGENT_LIMIT_MS = 10_000;

/** Whether the agent of a node has a session, whatever it says. */
const isAgentThere = async ({ agents }: Pick<ObserveParts, 'agents'>, node: NodeId): Promise<boolean> => {
  try {
    await agents.read(node, 'inspect', { settings: [], files: [] }, { timeoutMs: AGENT_LIMIT_MS });
    return true;
  } catch (error) {
    return !(error instanceof RemoraError && error.code === 'agent-offline');
  }
};

/** A local cluster that is gone, with the names of its nodes that have an agent on record. Throws `conflict` also while one of these agents is there. */
export const observeGoneLocal = async (
  parts: Pick<ObserveParts, 'agents' | 'clients' | 'inventory'>,
  name: string,
): Promise<{ readonly local: ClusterObservation; readonly goneNodes: readonly string[] }> => {
  const hint = 'Give the command without --local-gone, which would leave on its nodes what the connection has there.';
  const local = await observeGone(parts.clients, name, hint);
  const nodes = (await parts.inventory.nodes.list()).filter(({ cluster }) => cluster === name);
  const there = await Promise.all(nodes.map((node) => isAgentThere(parts, node)));
  const found = nodes.find((_, index) => there[index]);
  if (found !== undefined)
    throw refusal(
      `Cluster ${name} is not gone: the agent of its node ${found.node} is online.`,
      `${hint} Where Elasticsearch is gone there and the agent alone is left, stop the agent, or remove the node with \`remora nodes remove ${found.node}\`.`,
    );
  return { local, goneNodes: nodes.map(({ node }) => node).sort() };
};
