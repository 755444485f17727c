import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeProof } from '@remora/shared/model/inventory.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation } from '../facts.ts';
import type { ClusterKey, FoundKey } from '../keys/cluster-key.ts';
import type { ApiKeyRecord, CaRecord, CertificateRecord } from '../records.ts';

/** The key that a local node shows to the remote cluster, as its refusal names it. */
export interface UsedKey {
  readonly node: string;
  /** Null where none was named; `answer` is what came back then. */
  readonly id: string | null;
  readonly answer: string;
}

/** What a cluster of the inventory says of the keys that the nodes use; a sentence where it could not be asked. */
export interface KnownKeys {
  readonly cluster: string;
  readonly keys: readonly ClusterKey[] | string;
}

/** The CA that the certificate served at an address leads to. */
export interface ServedAuthority {
  readonly address: string;
  /** Null where it is not known; `problem` says why. */
  readonly ca: { readonly certificatePem: string; readonly facts: CertificateFacts } | null;
  readonly problem: string;
}

/** Everything that the adopt planner looks at. */
export interface AdoptionFacts {
  readonly local: ClusterObservation;
  /** Undefined where none of the inventory is known to be the one. */
  readonly remote: ClusterObservation | undefined;
  readonly used: readonly UsedKey[];
  /** A real request from every node that connects. */
  readonly proof: readonly NodeProof[];
  readonly clusters: readonly KnownKeys[];
  readonly servers: readonly ServedAuthority[];
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
  readonly cas: readonly CaRecord[];
  /** Of the remote cluster servers of the remote cluster's nodes. */
  readonly certificates: readonly CertificateRecord[];
  /** All keys on record, of any cluster. */
  readonly apiKeys: readonly ApiKeyRecord[];
  /** Those on record for this connection, with what the remote cluster says of them. */
  readonly keys: readonly FoundKey[];
  readonly secretVersions: Readonly<Record<string, number>>;
}
