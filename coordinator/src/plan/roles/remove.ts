import type { RoleRemoveRequest } from '@remora/shared/model/requests/role-request.ts';
import type { PlanContext } from '../context.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import type { RoleRemovalFacts, RoleSide, UserSeen } from './facts.ts';
import { givenUsers, refuseRemoval, sidesOf } from './refusals.ts';
import { isRemoras, type RoleBody } from './role-definition.ts';
import { roleStep, userStep } from './role-steps.ts';
import { markOfRole } from './wanted.ts';

const STAGE = 'roles';

/** A user that Remora made goes with its last role; others lose this one. */
const userOut = ({ name, body }: UserSeen, role: string, cluster: string): AnyStep[] => {
  if (body === null) return [];
  const roles = body.roles.filter((one) => one !== role);
  const goes = isRemoras(body) && roles.length === 0;
  const at = {
    cluster,
    name,
    stage: STAGE,
    reason: goes ? 'was made for the role, and has no other' : 'loses the role',
  };
  return [userStep(at, body, goes ? null : { ...body, roles }, null)];
};

/** One that others had made stays, without the mark. */
const withoutMark = (role: RoleBody): RoleBody => {
  const { managed_by: _, remora: __, ...metadata } = role.metadata ?? {};
  return { ...role, metadata };
};

/** Removes a role that Remora made; one that others had made loses the mark alone. */
export const roleOut = (
  { cluster, role }: Pick<RoleSide, 'cluster' | 'role'>,
  name: string,
  stage: string,
): AnyStep[] => {
  if (role === null) return [];
  const isAdopted = markOfRole(role)?.adopted === true;
  const reason = isAdopted ? 'others had made it: it stays, and is theirs again' : 'Remora made it for the connection';
  return [roleStep({ cluster, name, stage, reason }, role, isAdopted ? withoutMark(role) : null)];
};

/** Plans to remove a role that Remora made, and to take it from those whom Remora gave it to. Throws where others made it or use it. */
export const planRoleRemoval = (
  request: RoleRemoveRequest,
  facts: RoleRemovalFacts,
  context: PlanContext,
): StoredPlan => {
  refuseRemoval(request, facts);
  const { name, local, alias } = request;
  const [sides, given] = [sidesOf(facts), givenUsers(facts)];
  const steps = [
    ...facts.users
      .filter((user) => given.includes(user.name))
      .flatMap((user) => userOut(user, name, facts.local.cluster)),
    ...sides.toReversed().flatMap((side) => roleOut(side, name, STAGE)),
  ];
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify([name, local, alias, steps])),
    ...{ workflow: 'remove-role', wanted: request, title: `Remove role ${name} of ${local}/${alias}` },
    createdAt: context.now,
    clusters: sides.map(({ cluster }) => cluster),
    stages: [{ id: STAGE, title: 'Users and roles', mode: 'serial' }],
    steps,
    ...{ restarts: [], outages: [], warnings: [] },
  };
};
