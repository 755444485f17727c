import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { Estimate, PLAN_VERSION, PlannedBatch, PlanStage } from '@remora/shared/model/plan.ts';
import type { Address } from '@remora/shared/model/values/address.ts';
import type { ChangeOperation, OperationCall } from '@remora/shared/operations.ts';
import type { EffectClass, SettingValue } from '@remora/shared/settings.ts';
import type { CertificateIssue } from './certificates/certificate-issue.ts';
import type { Access, AnyConnectionRecord } from './connection/connection-records.ts';
import type { Crossing } from './connection/crossing.ts';
import type { KeyBefore } from './keys/key-before.ts';
import type { NodeId } from './node/node-id.ts';
import type { RecordBefore } from './records.ts';
import type { RoleBody, UserBody } from './roles/role-definition.ts';
import type { BatchOptions } from './roll/batches.ts';
import type { Baseline, SeenProcess, StatedOutages } from './roll/roll-inputs.ts';
import type { SigningIssue, SigningSettings } from './signing/signing-issue.ts';
import type { DirectRelationship } from './trust/cloud-trust.ts';
import type { DeploymentTrustRecord } from './trust/deployment-trust.ts';
import type { ProxyWay, TrustingNode } from './trust/trusting-node.ts';

/**
 * One entry a kind of step: its input, complete when the plan is made (secrets by reference). The union of steps and the runner's executor table derive
 * from this map, so a kind without an executor does not compile.
 */
export interface StepInputs {
  /** Makes a CA whose key is sealed in the store. */
  'ca.create': {
    readonly ca: string;
    readonly commonName: string;
    readonly validityDays: number;
    /** Length of its RSA key; absent: that of a CA of Remora's own. */
    readonly keyBits?: 3072 | 4096;
  };
  /** Files a CA that is only trusted: its key is not here. */
  'ca.import': { readonly ca: string; readonly certificatePem: string; readonly fingerprint256: string };
  /** Notes which CA takes the place of another, or that it has done so; refuses where anything outside of `clusters` uses the one that goes. */
  'ca.succession': {
    readonly ca: string;
    readonly successor: string;
    readonly isRetired: boolean;
    /** Which the run changes and holds; of those that older releases planned it is not known. */
    readonly clusters?: readonly string[];
  };
  /** Issues a server certificate and mints the PKCS#12 and its password as secrets. */
  'certificate.issue': CertificateIssue;
  /** Issues a certificate with which a local node signs, and mints the PKCS#12 and its password as secrets. */
  'signing-certificate.issue': SigningIssue;
  /** Forgets one with which nothing is signed any more. */
  'signing-certificate.forget': NodeId & { readonly alias: string };
  /** A transaction on one node; with a `service` operation the node is restarted under the gates of a roll. */
  'node.change': NodeId & {
    readonly operations: readonly OperationCall<ChangeOperation>[];
    /** How the cluster was when the plan was made: a roll must not leave it worse. */
    readonly baseline: Baseline;
    /**
     * Where a plan changes nodes in phases of which a later one relies on an earlier one having reached all nodes: taken back in the reverse order, each phase on all
     * nodes of the cluster before the next. Absent: 0.
     */
    readonly phase?: number;
    /** What the plan states of this node; a run starts only once it was accepted. */
    readonly outageStated: StatedOutages;
    /** The agent was away when the plan was made: the step looks at the node through it first, and does nothing to one that was restarted since. */
    readonly unseen?: SeenProcess;
  };
  /**
   * Checks that the remote cluster server of a node serves the certificate under an address that it covers, reissues it by file if not, and that local nodes
   * will find it where the plan says.
   */
  'remote-server.verify': CertificateIssue & {
    /** Where the plan has it listen; null in proxy mode, where no local node connects to that. */
    readonly planned: Address | null;
    /** Nodes that connect to it, and have to trust what it serves; absent where a proof of the whole connection follows. */
    readonly trustedBy?: readonly TrustingNode[];
    /** Of a node that has its earlier file back: SHA-256 of what the port must serve no more. A port that does not answer is not waited for. */
    readonly gone?: string;
  };
  /** Waits until Elasticsearch on a node has loaded a CA from one of these files, by what it says of itself. */
  'peer-trust.verify': NodeId & { readonly paths: readonly string[]; readonly ca: CertificateFacts };
  /** Waits until the transport or HTTP port of a node serves the certificate on record, and has others of its cluster try whether they trust it. */
  'certificate.verify': CertificateIssue & {
    readonly trustedBy: readonly TrustingNode[];
    /** Of a certificate that is back on the node before it is back on record. */
    readonly fingerprint256?: string;
    /** Whatever certificate the PEM file holds is to be served, no matter who trusts it: it was served before. */
    readonly asInFile?: true;
  };
  /**
   * That a node serves a certificate on its transport port with a name (`otherName`) that matches one of these patterns, and that it is in its cluster: before anybody is held to
   * the patterns, and after.
   */
  'transport-name.verify': NodeId & {
    readonly patterns: readonly string[];
    /** The patterns came as a file alone: until the node has looked at its files, those before count. */
    readonly reloads?: true;
  };
  /** Files that the nodes of a cluster trust the CA of a deployment in Elastic Cloud, or forgets it (null). */
  'deployment-trust.record': {
    /** See `deploymentTrustId`. */
    readonly id: string;
    readonly trust: DeploymentTrustRecord | null;
  };
  /** Sets the key of a remote cluster in the keystore of a deployment in Elastic Cloud, or takes it out (null). */
  'cloud.key': {
    readonly cloud: string;
    readonly deployment: string;
    /** Of its Elasticsearch. */
    readonly refId: string;
    readonly alias: string;
    readonly secret: string | null;
  };
  /** Changes one trust relationship of a deployment in Elastic Cloud, or takes it out (null). */
  'cloud.trust': {
    readonly cloud: string;
    readonly deployment: string;
    readonly name: string;
    readonly relationship: DirectRelationship | null;
    /** Names of the CAs of the inventory whose certificates it gets when the step is carried out: they may be yet to be made. */
    readonly cas?: readonly string[];
  };
  /** The CAs (PEM) by which the coordinator knows a cluster's HTTPS ports. */
  'cluster.trust': { readonly cluster: string; readonly caPem: string };
  /** Waits until a node that connects has loaded its CA bundle, with these CAs in it and without those. */
  'trust.verify': NodeId & {
    /** As elasticsearch.yml names it. */
    readonly path: string;
    readonly holds: readonly string[];
    readonly lacks: readonly string[];
  };
  /** Waits until a node of a remote cluster has looked at the file with the CAs whose signatures it takes. */
  'signing-trust.verify': NodeId;
  /** Waits until a local node has looked at the file with which it signs, which is to be the one on record, then has it cross the connection. */
  'signing.verify': NodeId & { readonly alias: string; readonly keySecret: string };
  /** From a node that connects: handshakes with the nodes of a remote cluster that trust one CA alone, and others that trust what the node is configured to trust. */
  'handshake.verify': TrustingNode & {
    readonly remote: string;
    readonly ca: string;
    /** What it connects through; null where it connects to the nodes themselves. */
    readonly proxy: ProxyWay | null;
  };
  /** Creates the cross-cluster API key on the remote cluster and mints its encoded form as a secret. */
  'api-key.create': {
    readonly cluster: string;
    /** Beginning of the name; the attempt makes it unique. */
    readonly name: string;
    readonly access: Access;
    /** As Elasticsearch takes it, for example `90d`; null for no end. */
    readonly expiration: string | null;
    readonly metadata: Readonly<Record<string, unknown>>;
    /** What the subject of a signing certificate must match, of a key that takes the place of one that demands it. */
    readonly certificateIdentity?: string;
    /** The secret that holds the encoded key. */
    readonly secret: string;
    readonly configHash: string;
  };
  /** Changes what an existing key grants, in place. */
  'api-key.update': {
    readonly cluster: string;
    readonly id: string;
    readonly access: Access;
    readonly expiration: string | null;
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly secret: string;
    readonly configHash: string;
  };
  /** Has a key grant what it granted before a run changed it. */
  'api-key.put-back': {
    readonly cluster: string;
    readonly id: string;
    readonly secret: string;
    readonly before: KeyBefore;
  };
  /** What the subject of a signing certificate must match for a key to let anybody in; null demands none. */
  'api-key.identify': {
    readonly cluster: string;
    readonly id: string;
    readonly secret: string;
    readonly identity: string | null;
    /** A connection that works: one that does not any more gets back what the key demanded before. */
    readonly crossing: Crossing | null;
  };
  /** Asks every node that connects whether it has the key in its keystore, and the remote cluster whether it is the one that the node uses. */
  'api-key.verify': {
    readonly local: string;
    readonly alias: string;
    readonly secret: string;
    /** Name of an index that the key does not grant: the refusal names the key. Null where it grants all. */
    readonly refusedIndex: string | null;
    /** Only these nodes connect; all of them with the role when absent. */
    readonly nodes?: readonly string[];
  };
  /** Invalidates a key that nobody knows. */
  'api-key.revoke': { readonly cluster: string; readonly id: string };
  /** Invalidates all keys of a connection that let somebody in by then, whoever uses them, and notes that on record. */
  'api-keys.revoke': {
    /** The remote cluster. */
    readonly cluster: string;
    readonly local: string;
    readonly alias: string;
    readonly localUuid: string;
    /** Those that there were when the plan was made. */
    readonly ids: readonly string[];
  };
  /** Invalidates a key, once no node and no connection has it any more. */
  'api-key.invalidate': {
    readonly cluster: string;
    readonly id: string;
    readonly secret: string;
    /** Clusters whose nodes may hold it. */
    readonly locals: readonly string[];
    /**
     * `CLUSTER/NODE` of nodes that are away and not asked: they may have it still where nothing is to get in with it any more, and cannot have it where the run that
     * made it never came to them.
     */
    readonly away?: readonly string[];
    /** How long it lives on at least, from when the step is begun, in ms: requests that were sent with it are answered by then. */
    readonly graceMs?: number;
  };
  /** Puts records of the inventory back to what they were before a run, or forgets them. */
  'inventory.put-back': { readonly records: readonly RecordBefore[] };
  /** Marks a run as taken back. */
  'run.rollback': { readonly run: string };
  /** `_nodes/reload_secure_settings` on one node after its keystore changed. */
  'secure-settings.reload': NodeId & { readonly keystorePassword: string | null };
  /** `PUT _cluster/settings`, persistent; null removes a setting. */
  'cluster-settings.put': {
    readonly cluster: string;
    readonly persistent: Readonly<Record<string, SettingValue | null>>;
  };
  /**
   * The same of settings of signatures, which Elasticsearch shows to nobody: in place is what it acknowledged for every node. `before` is what Remora knows to have stood
   * there.
   */
  'signing-settings.put': {
    readonly cluster: string;
    readonly persistent: SigningSettings;
    readonly before: SigningSettings;
    /** A connection that works: one that does not any more gets `before` back. Null where there is none. */
    readonly crossing: Crossing | null;
  };
  /** A real authenticated request from every local node with the role remote_cluster_client. */
  'connection.prove': {
    readonly local: string;
    readonly remote: string;
    readonly alias: string;
    /** Null of a connection by certificate. */
    readonly keySecret: string | null;
    /** Of a key that others made: it is not on record by its secret. */
    readonly keyId?: string;
    /** How long it is tried, where searches wait for it; absent: as long as whatever was placed may take to be loaded. */
    readonly limitMs?: number;
    /** Only these nodes, where others are known to have no credential; all of them when absent. */
    readonly nodes?: readonly string[];
  };
  /** Writes a role, or removes it (null); refuses where it is neither what the plan saw nor what it shall be. */
  'role.put': {
    readonly cluster: string;
    readonly name: string;
    readonly role: RoleBody | null;
    readonly expected: RoleBody | null;
  };
  /** The same of a user. One that is made gets the password behind this reference. */
  'user.put': {
    readonly cluster: string;
    readonly name: string;
    readonly user: UserBody | null;
    readonly password: string | null;
    readonly expected: UserBody | null;
  };
  /** Writes the connection into the inventory. */
  'connection.record': {
    readonly connection: AnyConnectionRecord;
    /** Of one that others gave the key for: whether it worked as it was before, when the plan was made. Nobody here can ask about that key later. */
    readonly worked?: boolean;
  };
}

export type StepKind = keyof StepInputs;

export interface PlannedStep<K extends StepKind = StepKind> {
  readonly id: string;
  readonly kind: K;
  /** Node or cluster name, or `coordinator`. */
  readonly target: string;
  readonly effect: EffectClass;
  readonly reason: string;
  readonly diff: string;
  readonly stage: string;
  readonly input: StepInputs[K];
}

/** The union of all planned steps, so that `kind` tells the type of `input`. */
export type AnyStep = { [K in StepKind]: PlannedStep<K> }[StepKind];

export type Stage = Readonly<PlanStage>;

/** A plan with everything that a runner needs. Immutable and without secrets. */
export interface StoredPlan {
  readonly planId: string;
  readonly hash: string;
  readonly workflow: string;
  /** What was asked for, in the form that the workflow's planner takes, so that the plan can be made again. */
  readonly wanted: unknown;
  readonly title: string;
  readonly createdAt: string;
  readonly clusters: readonly string[];
  readonly stages: readonly Stage[];
  readonly steps: readonly AnyStep[];
  readonly restarts: readonly string[];
  readonly outages: readonly string[];
  readonly warnings: readonly string[];
}

/** A plan as it is kept and shown, with what does not make it another one: which nodes restart together, and how long that takes. */
export interface PlanDocument extends StoredPlan {
  readonly version: typeof PLAN_VERSION;
  /** How its rolls were asked for when it was made. */
  readonly roll: BatchOptions;
  readonly batches: readonly PlannedBatch[];
  readonly estimate: Estimate;
}
