import { explain } from '../elasticsearch/client.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import { observeRoll } from '../elasticsearch/roll-facts.ts';
import { type ClosedGate, closedGates } from '../plan/gates.ts';
import type { NodeId, StepInputs } from '../plan/steps.ts';

export interface GateParts {
  readonly clients: ClusterClients;
  readonly isOnline: (node: NodeId) => Promise<boolean>;
}

/** Looks at the cluster and answers the gates that are closed for restarting this node now. A cluster that does not answer is a closed gate too. */
export const observeGates = async (parts: GateParts, change: StepInputs['node.change']): Promise<ClosedGate[]> => {
  const { node, cluster, baseline, outageStated } = change;
  try {
    const client = await parts.clients.get(cluster);
    const [facts, agentOnline] = await Promise.all([observeRoll(client), parts.isOnline({ cluster, node })]);
    return closedGates({ ...facts, node, baseline, outageStated, agentOnline });
  } catch (error) {
    return closedGates({ unanswered: explain(error, cluster, 'Looking at the gates').message });
  }
};

/** For people: `GATE: why; GATE: why`. */
export const sayGates = (closed: readonly ClosedGate[]): string =>
  closed.map(({ gate, why }) => `${gate}: ${why}`).join('; ');
