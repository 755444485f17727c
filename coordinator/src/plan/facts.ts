import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { GivenFacts, ServerClients } from './certificates/given.ts';
import type { DeploymentSeen } from './cloud-deployment/facts.ts';
import type { AnyConnectionRecord } from './connection/connection-records.ts';
import type { ApiKeyRecord, CaRecord, CertificateRecord, SigningCertificateRecord } from './records.ts';
import type { ShardCopy } from './roll/shards.ts';

/** A setting as the API answers it flat: everything is text or a list of texts. */
export type FlatSettings = Readonly<Record<string, string | readonly string[]>>;

/** What the cluster says of one of its nodes, and what that node's agent sees. */
export interface NodeObservation {
  readonly name: string;
  readonly nodeId: string;
  readonly version: string;
  readonly roles: readonly string[];
  /** `node.attr.*`, without that beginning. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly electedMaster: boolean;
  readonly pid: number;
  /** Start of the JVM in ms since 1970, on the node's clock. */
  readonly startedAtMs: number;
  /** Non-secret settings of the running process. Paths of certificates are not among them: Elasticsearch filters those. */
  readonly settings: FlatSettings;
  /** Paths of certificates, keys and CAs that the running process has loaded, as configured (`_ssl/certificates`); null when it could not be asked. */
  readonly loadedCertificates: readonly string[] | null;
  /** Where the remote cluster server listens; null when it is off. */
  readonly remoteClusterServer: { readonly publishAddress: string } | null;
  /** Publish host of the transport layer, which the remote cluster server falls back to when its own is not set. */
  readonly transportHost: string;
  readonly agent: AgentObservation;
}

export type AgentObservation =
  | { readonly state: 'online'; readonly facts: NodeFacts; readonly clockSkewMs: number }
  | { readonly state: 'offline' }
  | { readonly state: 'missing' }
  /** It answered, but with an error. */
  | { readonly state: 'failed'; readonly reason: string };

export interface ClusterObservation {
  readonly name: string;
  readonly clusterUuid: string;
  readonly version: string;
  /** The oldest version that this cluster's nodes can speak to. */
  readonly minimumWireCompatibility: string;
  readonly health: 'green' | 'yellow' | 'red';
  readonly license: { readonly type: string; readonly active: boolean };
  readonly security: 'on' | 'off';
  readonly apiKeyService: 'on' | 'off';
  /** Cluster privileges of the coordinator's user that it lacks. */
  readonly missingPrivileges: readonly string[];
  /** Patterns of the aliases over which that user may ask at all: `clusters` of the `remote_indices` of its roles. */
  readonly remoteAliases: readonly string[];
  readonly nodes: readonly NodeObservation[];
  /** Names of nodes that have an agent and are not in the cluster now. */
  readonly absentNodes: readonly string[];
  /** `cluster.remote.*` by scope. */
  readonly persistent: FlatSettings;
  readonly transient: FlatSettings;
  readonly shards: readonly ShardCopy[];
  /** Of a deployment in Elastic Cloud. Its nodes are run by that, and none is among `nodes`. */
  readonly deployment?: DeploymentSeen;
}

/** What was found of one address from one local node. */
export interface PathObservation {
  readonly node: string;
  readonly address: string;
  readonly tcp: 'open' | 'refused' | 'timeout' | 'unreachable' | 'unknown-host';
  readonly detail: string;
}

/** A cross-cluster API key that Remora created, and whether the remote cluster still takes it. */
export interface KeyObservation {
  readonly record: ApiKeyRecord;
  /** Known to the cluster, neither invalidated nor expired. */
  readonly usable: boolean;
  /** The user to whom it belongs, where that is another one than Remora has in that cluster now: only that one may change it. */
  readonly otherOwner?: string;
  /** What it demands of whoever shows it, as the cluster says; absent where it demands nothing, or is not known there. */
  readonly certificateIdentity?: string;
}

/** Everything that the connect planner looks at. */
export interface ConnectFacts extends GivenFacts {
  /** Others that connect to the remote cluster; looked at where certificates that were made elsewhere are given. */
  readonly others: ServerClients;
  readonly local: ClusterObservation;
  readonly remote: ClusterObservation;
  /** Connections that Remora manages, of any cluster. */
  readonly connections: readonly AnyConnectionRecord[];
  readonly cas: readonly CaRecord[];
  /** Certificates that Remora issued for the remote cluster servers of the remote cluster's nodes. */
  readonly certificates: readonly CertificateRecord[];
  /** Certificates with which nodes of any cluster sign. */
  readonly signers: readonly SigningCertificateRecord[];
  /** Of signing certificates that were signed elsewhere, by the ids under which they are on record: the subject as Elasticsearch compares it. */
  readonly signerSubjects: ReadonlyMap<string, string>;
  /** Living keys of the remote cluster that demand a signature and that Remora did not make, by name. */
  readonly foreignIdentities: readonly string[];
  /** Keys that Remora created on the remote cluster, by the secret that holds them, with what the cluster says of them now. */
  readonly keys: readonly KeyObservation[];
  readonly paths: readonly PathObservation[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
  /** Whether the proof of this connection held a moment ago; null when the alias is not there. */
  readonly proven: boolean | null;
}
