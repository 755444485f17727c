import { RemoraError } from '@remora/shared/errors.ts';
import { isConnectionFailure, statusOf } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { unseenCluster } from '../../plan/connection/unseen-cluster.ts';
import type { DisconnectFacts } from '../../plan/disconnect/facts.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
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

/** What answers at the addresses of a cluster. */
type Answer =
  | { readonly kind: 'cluster'; readonly clusterUuid: string }
  /** Something that does not say which cluster it is. */
  | { readonly kind: 'unnamed' }
  /** Nothing, or no Elasticsearch. */
  | { readonly kind: 'none' }
  /** Something with a certificate that is not trusted. */
  | { readonly kind: 'untrusted'; readonly message: string };

const answerOf = (error: unknown): Answer => {
  // That the cluster cannot even be asked says nothing of it.
  if (!(error instanceof Error) || error instanceof RemoraError) throw error;
  if (isConnectionFailure(error) && /certificate/i.test(error.message))
    return { kind: 'untrusted', message: error.message };
  return { kind: statusOf(error) === undefined || isOfProxy(error) ? 'none' : 'unnamed' };
};

const answering = async (clients: ClusterClients, cluster: string): Promise<Answer> => {
  const client = await clients.get(cluster);
  try {
    return { kind: 'cluster', clusterUuid: (await client.info()).cluster_uuid };
  } catch (error) {
    return answerOf(error);
  }
};

const refusal = (message: string, hint: string): RemoraError => new RemoraError('conflict', message, { hint });

/**
 * A cluster that is gone for good, as far as a planner looks at one: no node, no setting. Throws `conflict` where it answers still, with the hint what to do then; another
 * cluster at its addresses is not it.
 */
const observeGone = async (
  clients: ClusterClients,
  name: string,
  hint: string,
): Promise<{ readonly cluster: ClusterObservation; readonly answer: Answer }> => {
  const { clusterUuid } = await clients.record(name);
  const answer = await answering(clients, name);
  if (answer.kind === 'unnamed' || (answer.kind === 'cluster' && answer.clusterUuid === clusterUuid))
    throw refusal(`Cluster ${name} is not gone: it answers.`, hint);
  return { cluster: unseenCluster(name, clusterUuid), answer };
};

/** A remote cluster that is gone: while it answers its keys can be invalidated. */
export const observeGoneRemote = async (clients: ClusterClients, name: string): Promise<ClusterObservation> =>
  (await observeGone(clients, name, 'Give the command without --remote-gone, which would leave the API key valid.'))
    .cluster;

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

/** A local cluster that is gone, with the names of its nodes that have an agent on record, and why what answers at its addresses is not trusted. Throws `conflict` also while one of these agents is there. */
export const observeGoneLocal = async (
  parts: Pick<ObserveParts, 'agents' | 'clients' | 'inventory'>,
  name: string,
): Promise<
  Pick<DisconnectFacts, 'local' | 'goneDeployment'> & {
    readonly goneNodes: readonly string[];
    readonly goneAnswer: string | null;
  }
> => {
  const hint = 'Give the command without --local-gone, which would leave on its nodes what the connection has there.';
  const { cluster: local, answer } = await observeGone(parts.clients, name, hint);
  const nodes = (await parts.inventory.nodes.list()).filter(({ cluster }) => cluster === name);
  const there = await Promise.all(nodes.map((node) => isAgentThere(parts, node)));
  const found = nodes.find((_, index) => there[index]);
  if (found !== undefined)
    throw refusal(
      `Cluster ${name} is not gone: the agent of its node ${found.node} is online.`,
      `${hint} Where Elasticsearch is gone there and the agent alone is left, stop the agent, or remove the node with \`remora nodes remove ${found.node}\`.`,
    );
  const goneAnswer = answer.kind === 'untrusted' ? answer.message : null;
  const { deployment } = await parts.clients.record(name);
  return {
    ...{ local, goneNodes: nodes.map(({ node }) => node).sort(), goneAnswer },
    ...(deployment === undefined ? {} : { goneDeployment: deployment }),
  };
};
