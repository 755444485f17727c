import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { CaRecord, DeploymentId } from '../records.ts';
import type { DirectRelationship } from '../trust/cloud-trust.ts';

/** What a cloud says of one of its deployments, and what Remora keeps of it. */
export interface DeploymentSeen extends DeploymentId {
  readonly name: string;
  /** Of its Elasticsearch. */
  readonly refId: string;
  /** Of Elasticsearch; null while its first plan is carried out. */
  readonly version: string | null;
  /** By which other clusters reach it; null while it has no endpoint. */
  readonly host: string | null;
  /** Somebody's change of it is being carried out. */
  readonly isChanging: boolean;
  readonly lastChangeFailed: boolean;
  /** Names of the entries of its keystore. */
  readonly entries: readonly string[];
  readonly direct: readonly DirectRelationship[];
  /** References of the keys that Remora put there, by alias: the keystore tells no values. */
  readonly written: Readonly<Record<string, string>>;
}

/** What the planner of a deployment's change looks at. */
export interface CloudDeploymentFacts extends DeploymentSeen {
  readonly cas: readonly CaRecord[];
  /** Of the cluster that this deployment is, where it is one. */
  readonly connections: readonly Pick<AnyConnectionRecord, 'local' | 'alias'>[];
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}
