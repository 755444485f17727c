import type { ConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { ClusterKey, FoundKey } from '../keys/cluster-key.ts';

/** Everything that the planner of a key's rotation looks at. */
export interface KeyRotationFacts {
  readonly connections: readonly ConnectionRecord[];
  /** Local and remote clusters of the connections that are meant; of a remote one without what its agents see. */
  readonly clusters: readonly ClusterObservation[];
  /** Clusters that could not be looked at, with a sentence that says why. */
  readonly unseen: ReadonlyMap<string, string>;
  /** Keys on record of the connections that are meant. */
  readonly keys: readonly FoundKey[];
  /** Keys of the remote clusters that Remora made, by what they say, and that still let somebody in, but are not on record. */
  readonly strays: readonly { readonly cluster: string; readonly key: ClusterKey }[];
  readonly secretVersions: Readonly<Record<string, number>>;
  /** By `LOCAL/ALIAS`: why the connection does not work now, null of one that works; none of one that is not registered. */
  readonly problems: ReadonlyMap<string, string | null>;
}
