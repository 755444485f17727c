import { explain } from '../elasticsearch/client.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { observeRoll } from '../elasticsearch/roll-facts.ts';
import type { NodeId } from '../plan/node/node-id.ts';
import { type ClosedGate, closedGates } from '../plan/roll/gates.ts';
import type { StepInputs } from '../plan/steps.ts';

export interface GateParts {
  readonly clients: ClusterClients;
  readonly isOnline: (node: NodeId) => Promise<boolean>;
}

type NodeChange = StepInputs['node.change'];

/**
 * Looks at the cluster and answers the gates that are closed for restarting these nodes of it now, side by side. A cluster that does not answer is a closed
 * gate too.
 */
export const observeGates = async (parts: GateParts, batch: readonly NodeChange[]): Promise<ClosedGate[]> => {
  const cluster = batch[0]?.cluster ?? '';
  const nodes = batch.map(({ node }) => node);
  try {
    const client = await parts.clients.get(cluster);
    const [facts, ...online] = await Promise.all([
      observeRoll(client),
      ...batch.map(({ node }) => parts.isOnline({ cluster, node })),
    ]);
    const closed = batch.flatMap(({ node, baseline, outageStated }, index) =>
      closedGates({ ...facts, node, batch: nodes, baseline, outageStated, agentOnline: online[index] ?? false }),
    );
    // What is true of the cluster is said once.
    return [...new Map(closed.map((one) => [`${one.gate} ${one.why}`, one])).values()];
  } catch (error) {
    return closedGates({ unanswered: explain(error, cluster, 'Looking at the gates').message });
  }
};

/** For people: `GATE: why; GATE: why`. */
export const sayGates = (closed: readonly ClosedGate[]): string =>
  closed.map(({ gate, why }) => `${gate}: ${why}`).join('; ');
