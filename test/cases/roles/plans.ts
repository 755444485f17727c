import type { RemoraError } from '@remora/shared/errors.ts';
import {
  checkRoleApplyRequest,
  type RoleApplyRequest,
  type RoleRemoveRequest,
} from '@remora/shared/model/requests/role-request.ts';
import { planRoleApply } from '../../../coordinator/src/plan/roles/apply.ts';
import type { RoleFacts, RoleRemovalFacts, RoleSide } from '../../../coordinator/src/plan/roles/facts.ts';
import { planRoleRemoval } from '../../../coordinator/src/plan/roles/remove.ts';
import type { RoleBody, UserBody } from '../../../coordinator/src/plan/roles/role-definition.ts';
import type { AnyStep, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { sha256 } from '../connect/facts.ts';

const context = { planId: 'plan-1', now: '2026-03-01T12:00:00.000Z', hash: sha256 };

export const side = (cluster: string, more: Partial<RoleSide> = {}): RoleSide => ({
  ...{ cluster, version: '9.5.3', missingPrivileges: [], ownRoles: ['remora'], role: null },
  ...more,
});

/** `eu` calls `us` by the alias `us`, and the key grants search of logs-*. */
export const byKey = (more: Partial<RoleFacts> = {}): RoleFacts => ({
  connection: { local: 'eu', remote: 'us', alias: 'us', model: 'api_key' },
  local: side('eu'),
  isItself: false,
  remoteClusterPrivileges: ['monitor_enrich', 'monitor_stats'],
  key: {
    cluster: ['cross_cluster_search', 'monitor_enrich'],
    indices: [{ names: ['logs-*'], privileges: ['read', 'read_cross_cluster', 'view_index_metadata'] }],
  },
  secretVersions: { 'users/eu/ann': 2 },
  ...more,
});

/** The same by certificates. */
export const byCertificates = (more: Partial<RoleFacts> = {}): RoleFacts => {
  const { key: _, ...facts } = byKey();
  return { ...facts, connection: { ...facts.connection, model: 'certificate' }, remote: side('us'), ...more };
};

export const wish = (more: Partial<RoleApplyRequest> = {}): RoleApplyRequest => ({
  ...{ local: 'eu', alias: 'us', name: 'reader', search: ['logs-*'] },
  ...more,
});

export const apply = (request: RoleApplyRequest, facts: RoleFacts): StoredPlan => {
  checkRoleApplyRequest(request);
  return planRoleApply(request, facts, context);
};

export const remove = (facts: Partial<RoleRemovalFacts>, request?: RoleRemoveRequest): StoredPlan =>
  planRoleRemoval(
    request ?? { local: 'eu', alias: 'us', name: 'reader' },
    { local: side('eu'), users: [], mappings: [], ...facts },
    context,
  );

export const errorOf = (make: () => unknown): RemoraError => {
  try {
    make();
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

/** The role that a plan writes in a cluster. */
export const roleIn = ({ steps }: StoredPlan, cluster: string): RoleBody | null => {
  const step = steps.find((one) => one.kind === 'role.put' && one.input.cluster === cluster);
  if (step?.kind !== 'role.put') throw new Error(`the plan writes no role in ${cluster}`);
  return step.input.role;
};

export const usersOf = (plan: StoredPlan): Extract<AnyStep, { kind: 'user.put' }>['input'][] =>
  plan.steps.flatMap((step) => (step.kind === 'user.put' ? [step.input] : []));

export const bob = (roles: readonly string[], more: Partial<UserBody> = {}): UserBody => ({
  ...{ roles, full_name: 'Bob', email: null, metadata: { team: 'x' }, enabled: true },
  ...more,
});
