/** Outages of a node that the plan states: each lets its own gate pass, and no other. */
export interface StatedOutages {
  /** No master may be elected while it is away: quorum is not waited for. */
  readonly master: boolean;
  /** Shards (`INDEX[SHARD]`) whose copies are not waited for, since no other node has or gets one; `all` of the only data node. */
  readonly data: 'all' | readonly string[];
}

/** What a cluster said of a node's process. */
export interface SeenProcess {
  readonly pid: number;
  /** Start of the JVM in ms since 1970, on the node's clock. */
  readonly startedAtMs: number;
}

/** Health of a cluster before a roll. */
export interface Baseline {
  readonly health: 'green' | 'yellow' | 'red';
  readonly nodes: number;
}
