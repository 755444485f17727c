import { createHash } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { type CloudChangeRequest, checkCloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import { type AdoptRequest, checkAdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { type CaRotateRequest, checkCaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import {
  type CertificateConnectRequest,
  checkCertificateConnectRequest,
} from '@remora/shared/model/requests/certificate-connect-request.ts';
import { type ConnectRequest, checkConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { checkDisconnectRequest, type DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import {
  checkForeignConnectRequest,
  type ForeignConnectRequest,
} from '@remora/shared/model/requests/foreign-connect-request.ts';
import {
  checkHandedKey,
  checkKeyCreateRequest,
  type HandedKey,
  type KeyCreateRequest,
} from '@remora/shared/model/requests/key-create-request.ts';
import {
  checkKeyRevokeRequest,
  checkKeyRotateRequest,
  type KeyRevokeRequest,
  type KeyRotateRequest,
} from '@remora/shared/model/requests/key-request.ts';
import { checkMigrateRequest, type MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import { checkPlaceRequest, type PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { checkRestartRequest, type RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import {
  checkRoleApplyRequest,
  checkRoleRemoveRequest,
  type RoleApplyRequest,
  type RoleRemoveRequest,
} from '@remora/shared/model/requests/role-request.ts';
import { checkRotateRequest, type RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import {
  checkTrustRestrictionsRemoval,
  checkTrustRestrictionsRequest,
  type TrustRestrictionsRemoval,
  type TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { observeCaRotation } from '../../observe/certificates/observe-ca-rotation.ts';
import { observePlacement } from '../../observe/certificates/observe-placement.ts';
import { observeRotation } from '../../observe/certificates/observe-rotation.ts';
import { observeRestricting, observeTrustRestrictions } from '../../observe/certificates/observe-trust-restrictions.ts';
import { observeAdoption } from '../../observe/connections/observe-adopt.ts';
import { observeCertificateConnect } from '../../observe/connections/observe-certificate-connect.ts';
import { observeCertificateDisconnect } from '../../observe/connections/observe-certificate-disconnect.ts';
import { observeCloudDeployment } from '../../observe/connections/observe-cloud-deployment.ts';
import { observeConnect } from '../../observe/connections/observe-connect.ts';
import { observeDisconnect } from '../../observe/connections/observe-disconnect.ts';
import { observeForeignConnect } from '../../observe/connections/observe-foreign.ts';
import { observeMigration } from '../../observe/connections/observe-migration.ts';
import { observeRole, observeRoleRemoval } from '../../observe/connections/observe-roles.ts';
import { observeHandedKeys, observeKeyCreation } from '../../observe/keys/observe-handed-keys.ts';
import { observeKeyRotation } from '../../observe/keys/observe-key-rotation.ts';
import { observeKeyRevocation } from '../../observe/keys/observe-keys.ts';
import { observeWhole } from '../../observe/observe-nodes.ts';
import { observeRollback, type RollbackParts } from '../../observe/observe-rollback.ts';
import { settingsDiffs } from '../../observe/settings-diffs.ts';
import { planAdoption } from '../../plan/adopt/adopt.ts';
import { planCloudChange } from '../../plan/cloud-deployment/change.ts';
import { planConnect } from '../../plan/connect/connect.ts';
import { planKeyCreation } from '../../plan/connect/key/create-key.ts';
import { planCertificateConnect } from '../../plan/connect-certificate/connect-certificate.ts';
import { planForeignConnect } from '../../plan/connect-foreign/connect-foreign.ts';
import type { PlanContext } from '../../plan/context.ts';
import { planDisconnect } from '../../plan/disconnect/disconnect.ts';
import { planCertificateDisconnect } from '../../plan/disconnect-certificate/disconnect-certificate.ts';
import { planMigration } from '../../plan/migrate/migrate.ts';
import { planPlacement } from '../../plan/place/place.ts';
import { planChanges } from '../../plan/plan-changes.ts';
import { planRestart } from '../../plan/restart/restart.ts';
import { planHandedKeyRevocation } from '../../plan/revoke-handed-key/revoke-handed-key.ts';
import { planKeyRevocation } from '../../plan/revoke-key/revoke-key.ts';
import { planRoleApply } from '../../plan/roles/apply.ts';
import { planRoleRemoval } from '../../plan/roles/remove.ts';
import { planRollback, type RollbackRequest } from '../../plan/rollback/rollback.ts';
import { planRotation } from '../../plan/rotate/rotate.ts';
import { planCaRotation } from '../../plan/rotate-ca/rotate-ca.ts';
import { planKeyRotation } from '../../plan/rotate-key/rotate-key.ts';
import type { StoredPlan } from '../../plan/steps.ts';
import { planDeploymentRemoval } from '../../plan/trust-restrictions/deployment-removal.ts';
import { planRestrictionsRemoval } from '../../plan/trust-restrictions/remove.ts';
import { planTrustRestrictions } from '../../plan/trust-restrictions/set.ts';
import { refuseAgentless } from './agentless.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What each workflow takes; the name is what a plan and a run carry. */
export interface Wishes {
  readonly connect: ConnectRequest;
  readonly 'connect-certificate': CertificateConnectRequest;
  readonly 'connect-foreign': ForeignConnectRequest;
  readonly disconnect: DisconnectRequest;
  readonly migrate: MigrateRequest;
  readonly adopt: AdoptRequest;
  readonly restart: RestartRequest;
  readonly rollback: RollbackRequest;
  readonly 'rotate-certificates': RotateRequest;
  readonly 'place-certificates': PlaceRequest;
  readonly 'rotate-ca': CaRotateRequest;
  readonly 'rotate-key': KeyRotateRequest;
  readonly 'revoke-key': KeyRevokeRequest;
  readonly 'cloud-deployment': CloudChangeRequest;
  readonly 'create-key': KeyCreateRequest;
  readonly 'revoke-handed-key': HandedKey;
  readonly 'trust-restrictions': TrustRestrictionsRequest;
  readonly 'trust-restrictions-removal': TrustRestrictionsRemoval;
  readonly 'apply-role': RoleApplyRequest;
  readonly 'remove-role': RoleRemoveRequest;
}

export type WorkflowName = keyof Wishes;

/** Observes what the workflow's planner looks at, and has it plan. Throws what forbids it. */
type Workflows = {
  readonly [N in WorkflowName]: (parts: RollbackParts, wish: Wishes[N], context: PlanContext) => Promise<StoredPlan>;
};

const workflows: Workflows = {
  async connect(parts, wish, context) {
    checkConnectRequest(wish);
    return planConnect(wish, await observeConnect(parts, wish), context);
  },
  async 'connect-certificate'(parts, wish, context) {
    checkCertificateConnectRequest(wish);
    return planCertificateConnect(wish, await observeCertificateConnect(parts, wish), context);
  },
  async migrate(parts, wish, context) {
    checkMigrateRequest(wish);
    return planMigration(wish, await observeMigration(parts, wish), context);
  },
  async 'connect-foreign'(parts, wish, context) {
    checkForeignConnectRequest(wish);
    return planForeignConnect(wish, await observeForeignConnect(parts, wish), context);
  },
  async disconnect(parts, wish, context) {
    checkDisconnectRequest(wish);
    const byCertificate = await observeCertificateDisconnect(parts, wish, context.planId);
    if (byCertificate !== null) return planCertificateDisconnect(wish, byCertificate, context);
    return planDisconnect(wish, await observeDisconnect(parts, wish, context.planId), context);
  },
  async adopt(parts, wish, context) {
    checkAdoptRequest(wish);
    return planAdoption(wish, await observeAdoption(parts, wish), context);
  },
  async restart(parts, wish, context) {
    checkRestartRequest(wish);
    return planRestart(wish, await observeWhole(parts, wish.cluster), context);
  },
  async rollback(parts, wish, context) {
    return planRollback(wish, await observeRollback(parts, wish.run), context);
  },
  async 'rotate-certificates'(parts, wish, context) {
    checkRotateRequest(wish);
    return planRotation(wish, await observeRotation(parts, wish), context);
  },
  async 'place-certificates'(parts, wish, context) {
    checkPlaceRequest(wish);
    return planPlacement(wish, await observePlacement(parts, wish), context);
  },
  async 'rotate-ca'(parts, wish, context) {
    checkCaRotateRequest(wish);
    return planCaRotation(wish, await observeCaRotation(parts, wish), context);
  },
  async 'rotate-key'(parts, wish, context) {
    checkKeyRotateRequest(wish);
    return planKeyRotation(wish, await observeKeyRotation(parts, wish), context);
  },
  async 'revoke-key'(parts, wish, context) {
    checkKeyRevokeRequest(wish);
    return planKeyRevocation(wish, await observeKeyRevocation(parts, wish), context);
  },
  async 'cloud-deployment'(parts, wish, context) {
    checkCloudChangeRequest(wish);
    return planCloudChange(wish, await observeCloudDeployment(parts, wish), context);
  },
  async 'create-key'(parts, wish, context) {
    checkKeyCreateRequest(wish);
    return planKeyCreation(wish, await observeKeyCreation(parts, wish), context);
  },
  async 'revoke-handed-key'(parts, wish, context) {
    checkHandedKey(wish);
    return planHandedKeyRevocation(wish, await observeHandedKeys(parts, wish), context);
  },
  async 'trust-restrictions'(parts, wish, context) {
    checkTrustRestrictionsRequest(wish);
    return planTrustRestrictions(wish, await observeRestricting(parts, wish), context);
  },
  async 'trust-restrictions-removal'(parts, wish, context) {
    checkTrustRestrictionsRemoval(wish);
    const facts = await observeTrustRestrictions(parts, wish.cluster);
    const { cluster, deployment } = wish;
    return deployment === undefined
      ? planRestrictionsRemoval(wish, facts, context)
      : planDeploymentRemoval({ cluster, deployment }, facts, context);
  },
  async 'apply-role'(parts, wish, context) {
    checkRoleApplyRequest(wish);
    return planRoleApply(wish, await observeRole(parts, wish), context);
  },
  async 'remove-role'(parts, wish, context) {
    checkRoleRemoveRequest(wish);
    return planRoleRemoval(wish, await observeRoleRemoval(parts, wish), context);
  },
};

const isWorkflow = (name: string): name is WorkflowName => Object.hasOwn(workflows, name);

/** Makes a plan for a wish. Changes nothing. */
export const makePlan = async <N extends WorkflowName>(
  parts: RollbackParts,
  workflow: N,
  wish: Wishes[N],
  planId: string,
): Promise<StoredPlan> => {
  await refuseAgentless(parts.inventory.clusters, workflow, wish);
  return workflows[workflow](parts, wish, { planId, now: parts.clock().toISOString(), hash: sha256 });
};

/** Makes a stored plan again, under its own id, from what is observed now. */
const planAgain = (parts: RollbackParts, plan: StoredPlan): Promise<StoredPlan> => {
  if (isWorkflow(plan.workflow)) return makePlan(parts, plan.workflow, plan.wanted as never, plan.planId);
  throw new RemoraError(
    'bad-input',
    `Plan ${plan.planId} is of the workflow "${plan.workflow}", which this release does not have.`,
  );
};

/** The plan as it would be now, the same but for what changes by the minute; throws `plan-stale`, with what is different, when it would do something else. */
export const confirmPlan =
  (parts: RollbackParts) =>
  async (plan: StoredPlan): Promise<StoredPlan> => {
    const now = await planAgain(parts, plan);
    if (now.hash === plan.hash) return now;
    throw new RemoraError(
      'plan-stale',
      `What was observed changed since plan ${plan.planId} was made: it would be another one now.`,
      {
        findings: planChanges(plan, { steps: await settingsDiffs(parts, now.steps) }),
      },
    );
  };
