import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { Clock } from '../clock.ts';
import type { CloudClient } from '../cloud/client.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { type BareCluster, type BareNode, observeCluster } from '../elasticsearch/observe-cluster.ts';
import type { AgentCalls } from '../gateway/agent-calls.ts';
import type { AgentObservation, ClusterObservation, NodeObservation } from '../plan/facts.ts';
import { type NodeId, nodeKey } from '../plan/node/node-id.ts';
import { keystorePasswordInput, keystorePasswordReference } from '../plan/node/node-step.ts';
import { files, foundAuthorities, portFiles, signingKeystore } from '../plan/node/placed-files.ts';
import type { SecretVersions } from '../plan/node/secret-versions.ts';
import type { NodeRecord } from '../plan/records.ts';
import type { Inventory } from '../store/inventory.ts';
import { configuredCertificates } from './certificates/ssl-certificates.ts';
import { observeDeployment } from './connections/observe-cloud-deployment.ts';
import { settingsToRead } from './settings-to-read.ts';

export interface ObserveParts {
  readonly clients: ClusterClients;
  readonly agents: AgentCalls;
  readonly inventory: Inventory;
  readonly secretVersions: () => Promise<SecretVersions>;
  /** The value behind a reference, for what is tried with it. Throws `not-found`. */
  readonly secretValue: (reference: string) => Promise<string>;
  /** A cloud on record; its calls end with the signal. */
  readonly cloud: (name: string, signal?: AbortSignal) => Promise<CloudClient>;
  readonly clock: Clock;
}

const TIMEOUT_MS = 60_000;

const inspect = async (
  parts: ObserveParts,
  cluster: string,
  node: string,
  password: string | null,
  placed: readonly string[],
): Promise<AgentObservation> => {
  const input: OperationInput<'inspect'> = {
    settings: [...settingsToRead],
    files: [
      ...new Set([
        ...[files.caBundle, files.signingCas, foundAuthorities],
        ...Object.values(portFiles).flatMap((port) => Object.values(port)),
        ...placed,
      ]),
    ],
    ...keystorePasswordInput(password),
  };
  try {
    const asked = parts.clock().getTime();
    const facts = await parts.agents.read({ cluster, node }, 'inspect', input, { timeoutMs: TIMEOUT_MS });
    const answered = parts.clock().getTime();
    // The agent read its clock somewhere between question and answer; only what lies outside that span is skew.
    const clockSkewMs = Math.max(facts.agent.clockMs - answered, Math.min(0, facts.agent.clockMs - asked));
    return { state: 'online', facts, clockSkewMs };
  } catch (error) {
    if (error instanceof RemoraError && error.code === 'agent-offline') return { state: 'offline' };
    return { state: 'failed', reason: messageOf(error) };
  }
};

/** Which certificate files the running process is configured with; null when it could not be asked, which the planner takes as not known. */
const loadedCertificates = async (parts: ObserveParts, cluster: string, node: string): Promise<string[] | null> => {
  try {
    return (await configuredCertificates(parts, { cluster, node })).map(({ path }) => path);
  } catch {
    return null;
  }
};

/** Keeps what the cluster says of a node with an agent: another version after an upgrade. */
const note = async ({ inventory }: ObserveParts, known: NodeRecord, { nodeId, version }: BareNode): Promise<void> => {
  if (known.nodeId === nodeId && known.version === version) return;
  await inventory.nodes.change(nodeKey(known), (record) => ({ ...record, nodeId, version }));
};

/** Adds to what the cluster says of its nodes what their agents see, all side by side. */
const observeNodes = async (parts: ObserveParts, cluster: BareCluster): Promise<ClusterObservation> => {
  const [joined, certificates, signers, secretVersions] = await Promise.all([
    parts.inventory.nodes.list(),
    parts.inventory.certificates.list(),
    parts.inventory.signingCertificates.list(),
    parts.secretVersions(),
  ]);
  const isOn =
    (name: string) =>
    (record: NodeId): boolean =>
      record.cluster === cluster.name && record.node === name;
  const placedOn = (name: string): string[] => [
    ...certificates.filter(isOn(name)).flatMap(({ path, key }) => (key === undefined ? [path] : [path, key.path])),
    // Also on a node that has none on record: somebody may have copied the file of another there before it joined.
    ...signers.filter((record) => record.cluster === cluster.name).map(({ alias }) => signingKeystore(alias)),
  ];
  const known = new Map(joined.filter((node) => node.cluster === cluster.name).map((record) => [record.node, record]));
  const nodes = cluster.nodes.map(async (node): Promise<NodeObservation> => {
    const record = known.get(node.name);
    if (!record) return { ...node, agent: { state: 'missing' }, loadedCertificates: null };
    const password = keystorePasswordReference({ secretVersions }, cluster.name, node.name);
    await note(parts, record, node);
    const [agent, loaded] = await Promise.all([
      inspect(parts, cluster.name, node.name, password, placedOn(node.name)),
      cluster.security === 'on' ? loadedCertificates(parts, cluster.name, node.name) : null,
    ]);
    return { ...node, agent, loadedCertificates: loaded };
  });
  const listed = new Set(cluster.nodes.map(({ name }) => name));
  const absentNodes = [...known.keys()].filter((name) => !listed.has(name));
  return { ...cluster, nodes: await Promise.all(nodes), absentNodes };
};

/**
 * All three layers of a cluster: what its API says, what its nodes' processes say, and what their agents find in files and keystores. Of a deployment in Elastic Cloud what
 * its cloud says takes the place of the last two.
 */
export const observeWhole = async (parts: ObserveParts, name: string): Promise<ClusterObservation> => {
  const [{ deployment }, bare] = await Promise.all([
    parts.clients.record(name),
    parts.clients.get(name).then((client) => observeCluster(name, client)),
  ]);
  if (deployment === undefined) return observeNodes(parts, bare);
  return { ...bare, nodes: [], absentNodes: [], deployment: await observeDeployment(parts, deployment) };
};
