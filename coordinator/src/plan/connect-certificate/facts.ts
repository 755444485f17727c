import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, PathObservation } from '../facts.ts';
import type { PlaceFacts, SentAuthority } from '../place/facts.ts';

/** A cluster with what its nodes show and trust on their transport ports. */
export interface TransportFacts extends Pick<PlaceFacts, 'ports' | 'stores'> {
  /** With the PEM files that elasticsearch.yml names for the port, and what stands in them. */
  readonly cluster: ClusterObservation;
  /** Where the port of each node is published, as Elasticsearch writes it, by name of the node. */
  readonly addresses: ReadonlyMap<string, string>;
  /**
   * The CA by which the other nodes of the cluster trust what a node serves, by name of the node; a clause that says why it is not known. It stands in a file or store of
   * a node of the cluster, which its agent or Elasticsearch there said: what a port sends is believed only as far as that.
   */
  readonly anchors: ReadonlyMap<string, SentAuthority | string>;
  /** SHA-256 of all such CAs, by name of the node: whoever trusts one of them lets the node in. None where that is not known. */
  readonly waysIn: ReadonlyMap<string, readonly string[]>;
}

/** Everything that the planner of a connection by certificate looks at. */
export interface CertificateConnectFacts {
  readonly local: TransportFacts;
  readonly remote: TransportFacts;
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
  readonly paths: readonly PathObservation[];
  readonly secretVersions: Readonly<Record<string, number>>;
  /** Whether the proof of this connection held a moment ago; null when the alias is not there. */
  readonly proven: boolean | null;
}
