import type { GivenFacts } from '../certificates/given.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { ApiKeyRecord, CaRecord, CertificateRecord, SigningCertificateRecord } from '../records.ts';
import type { StepInputs } from '../steps.ts';
import type { TrustObservation } from '../trust/trust.ts';

/** What the records say of CAs and who uses them. */
export interface CaRecords {
  readonly cas: readonly CaRecord[];
  /** Certificates that Remora made, of any cluster. */
  readonly certificates: readonly CertificateRecord[];
  /** Connections that Remora manages. */
  readonly connections: readonly AnyConnectionRecord[];
  /** Certificates with which nodes of any cluster sign. */
  readonly signers: readonly SigningCertificateRecord[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}

/** Everything that the planner of a CA's rotation looks at. */
export interface CaRotationFacts extends CaRecords, GivenFacts {
  /** The clusters concerned, as far as they could be looked at. */
  readonly clusters: readonly ClusterObservation[];
  /** The others, and why: a sentence each. */
  readonly unseen: ReadonlyMap<string, string>;
  /** What the CA to be replaced is like, for one that is made in its place. */
  readonly like: Pick<StepInputs['ca.create'], 'commonName' | 'validityDays'> & {
    readonly keyBits: 3072 | 4096;
    /** Whether it may certify some names only. */
    readonly isConstrained: boolean;
  };
  /** Those of any cluster that are on record. */
  readonly apiKeys: readonly ApiKeyRecord[];
  readonly trust: readonly TrustObservation[];
  /** By LOCAL/ALIAS, of connections that are registered: why one does not work from nodes whose agents are there; null when it works. */
  readonly problems: ReadonlyMap<string, string | null>;
}
