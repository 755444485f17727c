import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, PathObservation } from '../facts.ts';
import type { CaRecord } from '../records.ts';

/** A CA by which the remote cluster's servers are to be known. */
export interface GivenCa {
  readonly certificatePem: string;
  readonly facts: CertificateFacts;
}

/** How far a node that connects came at an address, trusting what was given alone; `tls` is null where it did not come to a handshake. */
export interface WayObservation extends PathObservation {
  readonly tls: {
    readonly trusted: boolean;
    readonly error: string;
    /** What is served there. */
    readonly leaf: CertificateFacts | null;
  } | null;
}

/** Everything that the planner of a connection to a cluster of others looks at. */
export interface ForeignConnectFacts {
  readonly local: ClusterObservation;
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
  readonly cas: readonly CaRecord[];
  /** None where public CAs do. */
  readonly given: readonly GivenCa[];
  readonly ways: readonly WayObservation[];
  /** Whether the proof of this connection held a moment ago; null when the alias is not there. */
  readonly proven: boolean | null;
  readonly secretVersions: Readonly<Record<string, number>>;
  /** The cluster of the inventory that the remote one is by its id; null where it is none. */
  readonly knownAs: string | null;
}
