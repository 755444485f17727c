import type { ClusterObservation } from '../facts.ts';

/** What the transport port of a node serves. */
export interface ServedNames {
  /** The names (`otherName`) of its certificate. */
  readonly names: readonly string[];
  /** Why nothing was seen; empty when a certificate was. */
  readonly problem: string;
}

/** The other side of a connection by certificate that Remora manages, whichever of the two connects. */
export interface Peer {
  /** `LOCAL/ALIAS` */
  readonly connection: string;
  readonly cluster: string;
  /** What its nodes serve, by their names. */
  readonly ports: ReadonlyMap<string, ServedNames>;
}

/** What the planners of trust restrictions look at. */
export interface TrustRestrictionFacts {
  /** With the files that the nodes' elasticsearch.yml names for trust restrictions. */
  readonly cluster: ClusterObservation;
  /** By name of the node. */
  readonly ports: ReadonlyMap<string, ServedNames>;
}

/** What the planner that restricts trust looks at. */
export interface RestrictingFacts extends TrustRestrictionFacts {
  readonly peers: readonly Peer[];
}
