import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { RunStatus, StepStatus } from '@remora/shared/model/run.ts';
import type { OperationResult } from '@remora/shared/operations.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { ClusterObservation, FlatSettings, KeyObservation } from '../facts.ts';
import type { ApiKeyRecord, CaRecord, CertificateRecord, SigningCertificateRecord } from '../records.ts';
import type { RoleBody, UserBody } from '../roles/role-definition.ts';
import type { StoredPlan } from '../steps.ts';
import type { DeploymentTrustRecord } from '../trust/deployment-trust.ts';

/** What a run recorded of one of its steps; see StepState. */
export interface PastStep {
  readonly status: StepStatus;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly intent: unknown;
  readonly kept: unknown;
}

/** A run that is over, as it is taken back. */
export interface PastRun {
  readonly runId: string;
  readonly status: RunStatus;
  /** The run that took it back, or null. */
  readonly rollback: string | null;
  /** Id of the restore from a back-up that it went through, or null. */
  readonly restored: string | null;
  readonly plan: StoredPlan;
  /** By step id; those that were never begun are not there. */
  readonly steps: ReadonlyMap<string, PastStep>;
}

export type Backups = OperationResult<'backups'>;

/** Everything that the rollback planner looks at. */
export interface RollbackFacts {
  readonly run: PastRun;
  /** Other runs of the same clusters. */
  readonly others: readonly PastRun[];
  readonly clusters: ReadonlyMap<string, ClusterObservation>;
  /** All persistent settings of each cluster. */
  readonly settings: ReadonlyMap<string, FlatSettings>;
  /** By `deliveredKey` (CLUSTER/NODE without phases), of nodes whose agents are online. */
  readonly backups: ReadonlyMap<string, Backups>;
  /** Keys that the run made. */
  readonly keys: readonly KeyObservation[];
  /** Keys that were there before it: those that it changed, and that of the connection as it was. */
  readonly earlierKeys: readonly KeyObservation[];
  /** Of a run that took a connection over, the key that its nodes had; absent of any other, and where its cluster does not know it any more. */
  readonly adoptedKey?: { readonly id: string; readonly usable: boolean };
  readonly connections: readonly AnyConnectionRecord[];
  readonly cas: readonly CaRecord[];
  readonly certificates: readonly CertificateRecord[];
  readonly signers: readonly SigningCertificateRecord[];
  readonly apiKeys: readonly ApiKeyRecord[];
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
  readonly secretVersions: Readonly<Record<string, number>>;
  /** Roles and users that the run wrote, as they stand, by `principalKey`. */
  readonly principals: ReadonlyMap<string, RoleBody | UserBody | null>;
}

/** What stood there before a step changed it, as the step remembered it; undefined when it came to no change. */
export const beforeOf = (step: PastStep | undefined): unknown =>
  (step?.kept as { readonly before?: unknown } | null | undefined)?.before;

/** A connection, as runs name it. */
type ConnectionId = Pick<ConnectRequest, 'local' | 'alias'>;

/** The connections that a run was made for: that of `connect`, those whose keys were replaced; none of a run that was made for something else. */
export const connectionsOf = ({ plan }: Pick<PastRun, 'plan'>): readonly ConnectionId[] => {
  if (['connect', 'connect-foreign', 'connect-certificate', 'migrate', 'adopt'].includes(plan.workflow))
    return [plan.wanted as ConnectionId];
  if (plan.workflow !== 'rotate-key') return [];
  return plan.steps.flatMap((step) => (step.kind === 'connection.record' ? [step.input.connection] : []));
};

/** Whether a run was made for this connection. */
export const isOf = (run: Pick<PastRun, 'plan'>, { local, alias }: ConnectionId): boolean =>
  connectionsOf(run).some((one) => one.local === local && one.alias === alias);
