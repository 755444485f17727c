import type { Clock } from '../../clock.ts';
import type { CloudClient } from '../../cloud/client.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import type { AgentCalls } from '../../gateway/agent-calls.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';
import type { Inventory } from '../../store/inventory.ts';

/** What the executors of steps are made of. */
export interface StepParts {
  readonly clients: ClusterClients;
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'get' | 'mint' | 'latestVersion'>;
  /** The newest version of each secret. */
  readonly secretVersions: () => Promise<Readonly<Record<string, number>>>;
  /** A cloud on record; its calls end with the signal. */
  readonly cloud: (name: string, signal?: AbortSignal) => Promise<CloudClient>;
  readonly agents: AgentCalls;
  readonly isOnline: (node: NodeId) => Promise<boolean>;
  readonly clock: Clock;
}
