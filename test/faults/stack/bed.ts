import type { CloudApi } from '../../support/cloud-api.ts';

/** A node that the suite restarts by its agent, as the agent is told of it. */
export interface BedNode {
  readonly name: string;
  readonly cluster: string;
  readonly home: string;
  readonly configDir: string;
  readonly url: string;
  readonly startCommand: string;
  readonly stopCommand: string;
}

export interface BedCluster {
  readonly name: string;
  readonly user: string;
  readonly password: string;
  /** PEM of the CA of its HTTPS certificates; null for plain HTTP. */
  readonly caPath: string | null;
  readonly nodes: readonly BedNode[];
}

/** The clusters below a stack. */
export interface Bed {
  readonly clusters: readonly BedCluster[];
  /** Directories of cheap clusters, which write down what changed in them. */
  readonly stateDirs: readonly string[];
  /** What stands for Elastic Cloud; null where no run changes anything there. */
  readonly cloud: CloudApi | null;
  /** A run that lasts longer does not end any more, in ms. */
  readonly runLimitMs: number;
  /** Has all nodes run, as a case finds them. */
  begin(): Promise<void>;
  /** After a case; nodes that cost little are ended. */
  end(): Promise<void>;
  /** After the last case. */
  close(): Promise<void>;
}
