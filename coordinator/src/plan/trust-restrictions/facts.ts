import type { CloudDeployment } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import type { TransportFacts } from '../connect-certificate/facts.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { SentAuthority } from '../place/facts.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

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

/** A deployment in Elastic Cloud, as its API tells of it. */
export interface DeploymentAuthority extends CloudDeployment {
  /** What the names of its nodes match. */
  readonly pattern: string;
  /** The CAs of its region: the one in use, and those that were or will be. */
  readonly authorities: readonly SentAuthority[];
}

/** What the planners of trust restrictions look at. */
export interface TrustRestrictionFacts {
  /** With the files that the nodes' elasticsearch.yml names for trust restrictions. */
  readonly cluster: ClusterObservation;
  /** By name of the node. */
  readonly ports: ReadonlyMap<string, ServedNames>;
  /** Of the same cluster: what its nodes trust on their transport ports. */
  readonly transport: TransportFacts;
  /** Deployments whose CA the nodes of the cluster trust, as it is on record. */
  readonly trusted: readonly DeploymentTrustRecord[];
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
}

/** What the planner that restricts trust looks at. */
export interface RestrictingFacts extends TrustRestrictionFacts {
  readonly peers: readonly Peer[];
  /** Those that are asked for. */
  readonly deployments: readonly DeploymentAuthority[];
}
