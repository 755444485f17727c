import type { Client } from '@elastic/elasticsearch';
import { messageOf } from '@remora/shared/errors.ts';
import type { NodeProof } from '@remora/shared/model/inventory.ts';
import { statusOf } from '../../elasticsearch/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { connectionProblem } from '../../elasticsearch/connection-problem.ts';
import { type BareNode, listNodes } from '../../elasticsearch/observe-cluster.ts';
import type { AgentCalls } from '../../gateway/agent-calls.ts';
import { judgeProof, type ProvingKey, type ResolveAnswer } from '../../plan/connection/proof-hints.ts';
import type { NodeId } from '../../plan/node/node-id.ts';

const TIMEOUT_MS = 20_000;

export interface ProofParts {
  readonly clients: ClusterClients;
  readonly agents: AgentCalls;
}

const failed = (node: string, error: string, hint: string | null): NodeProof => ({
  node,
  ok: false,
  state: 'failed',
  error,
  hint,
});

/** The agent of a node asks that; a deployment, which has none, is asked itself, and hands it to a node of its choice. */
const ask = async (parts: ProofParts, at: NodeId, path: string) => {
  const { deployment, user, password } = await parts.clients.record(at.cluster);
  if (deployment !== undefined) return askCluster(await parts.clients.get(at.cluster), path);
  return parts.agents.read(
    at,
    'request',
    { method: 'GET', path, user, password: { $secret: password }, timeoutMs: TIMEOUT_MS },
    { timeoutMs: TIMEOUT_MS + 5000 },
  );
};

const askCluster = async (
  client: Client,
  path: string,
): Promise<{ readonly status: number; readonly body: unknown }> => {
  try {
    const body = await client.transport.request({ method: 'GET', path }, { requestTimeout: TIMEOUT_MS });
    return { status: 200, body };
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw await connectionProblem(error, client, 'Asking over an alias');
    return { status, body: messageOf(error) };
  }
};

/** What a node of the local cluster answers of an index expression behind an alias; a sentence where its status is not 200. */
export const askOver = async (
  parts: ProofParts,
  at: NodeId,
  alias: string,
  expression: string,
): Promise<ResolveAnswer | undefined | string> => {
  const answer = await ask(parts, at, `/_resolve/cluster/${alias}:${expression}`);
  if (answer.status !== 200) return `${answer.status}: ${JSON.stringify(answer.body).slice(0, 400)}`;
  return (answer.body as Record<string, ResolveAnswer> | null)?.[alias];
};

const connects = ({ roles }: BareNode): boolean => roles.includes('remote_cluster_client');

const proveNode = async (
  parts: ProofParts,
  local: string,
  node: string,
  alias: string,
  key: ProvingKey,
): Promise<NodeProof> => {
  try {
    const answer = await askOver(parts, { cluster: local, node }, alias, '*');
    if (typeof answer === 'string') return failed(node, answer, null);
    return { node, ...judgeProof(answer, key) };
  } catch (error) {
    return failed(node, messageOf(error), null);
  }
};

/** Of a deployment as often as it has nodes that connect, since it cannot be said which of them answers; named like the cluster. */
const proveDeployment = async (
  parts: ProofParts,
  local: string,
  alias: string,
  key: ProvingKey,
): Promise<NodeProof[]> => {
  const nodes = (await listNodes(await parts.clients.get(local))).filter(connects);
  const asked = await Promise.all(nodes.map(() => proveNode(parts, local, local, alias, key)));
  const [first] = asked;
  return first === undefined ? [] : [asked.find(({ state }) => state === 'failed') ?? first];
};

/**
 * A real authenticated request over a connection from every node of the local cluster with the role remote_cluster_client; other nodes are `n/a`, as are those
 * that are not among `only`, and those that Remora's user may not have ask.
 * A deployment in Elastic Cloud is asked itself. `_remote/info` alone proves nothing: it keeps its state while a key is dead, and stays false after a dead key was replaced.
 */
export const proveConnection = async (
  parts: ProofParts,
  local: string,
  alias: string,
  key: ProvingKey,
  only?: readonly string[],
): Promise<NodeProof[]> => {
  if ((await parts.clients.record(local)).deployment !== undefined) return proveDeployment(parts, local, alias, key);
  const asks = (node: BareNode): boolean => connects(node) && (only?.includes(node.name) ?? true);
  const nodes = await listNodes(await parts.clients.get(local));
  return Promise.all(
    nodes
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .map((node) =>
        asks(node)
          ? proveNode(parts, local, node.name, alias, key)
          : { node: node.name, ok: false, state: 'n/a', error: null, hint: null },
      ),
  );
};

/** Whether every node that makes connections proved it, and at least one did. */
export const isProven = (proof: readonly NodeProof[]): boolean =>
  proof.some(({ state }) => state === 'ok') && proof.every(({ state }) => state !== 'failed');
