import type { RoleMark } from '@remora/shared/model/keys/role-mark.ts';
import type { RoleApplyRequest } from '@remora/shared/model/requests/role-request.ts';
import { formatSecretReference, parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { PlanContext } from '../context.ts';
import { shortHash } from '../keys/key-names.ts';
import { keptVersion } from '../node/secret-versions.ts';
import type { AnyStep, StoredPlan } from '../steps.ts';
import type { RoleFacts, RoleSide } from './facts.ts';
import { refuseRole, sidesOf } from './refusals.ts';
import { canonicalText, grantLines, type RoleBody, type UserBody } from './role-definition.ts';
import { roleStep, userStep } from './role-steps.ts';
import { localRole, markOfRole, remoteRole, wishOf } from './wanted.ts';
import { roleWarnings } from './warnings.ts';

const STAGE = 'roles';

/** What of a role is not Remora's: rights on applications, `run_as`, a description. */
const others = ({ cluster: _, indices: __, remote_indices: ___, remote_cluster: ____, ...rest }: RoleBody): RoleBody =>
  rest;

/** Users to whom Remora gave the role: one that had it before is not among them. */
const givenTo = (request: RoleApplyRequest, { local, user }: RoleFacts): readonly string[] => {
  const before = markOfRole(local.role)?.users ?? [];
  if (!request.user || user?.body?.roles.includes(request.name)) return before;
  return [...new Set([...before, request.user.name])].sort();
};

const wantedRole = (request: RoleApplyRequest, facts: RoleFacts, side: RoleSide, context: PlanContext): RoleBody => {
  const { connection, isItself } = facts;
  const { local, remote, alias, model } = connection;
  const wish = wishOf(request);
  const grants = side === facts.local ? localRole({ model, alias, isItself }, wish) : remoteRole(wish);
  const before = markOfRole(side.role);
  const isAdopted = before ? before.adopted === true : side.role !== null;
  const mark: RoleMark = {
    ...{ local, remote, alias, auth: model, wish, users: side === facts.local ? [...givenTo(request, facts)] : [] },
    ...(isAdopted ? { adopted: true } : {}),
    config: shortHash(context.hash(JSON.stringify(grantLines(grants)))),
  };
  const metadata = { ...side.role?.metadata, managed_by: 'remora', remora: mark };
  return { ...(side.role ? others(side.role) : {}), ...grants, metadata };
};

/** The newest version of the secret: a plan names what its steps will send. */
const versioned = (reference: string, { secretVersions }: RoleFacts): string => {
  const { name, version } = parseSecretReference(reference);
  return formatSecretReference({ name, version: version ?? keptVersion(secretVersions, name) ?? 1 });
};

const userSteps = ({ name, user }: RoleApplyRequest, facts: RoleFacts): AnyStep[] => {
  if (!user || facts.user?.body?.roles.includes(name)) return [];
  const at = { cluster: facts.local.cluster, name: user.name, stage: STAGE };
  const found = facts.user?.body ?? null;
  if (found !== null)
    return [userStep({ ...at, reason: `gets role ${name}` }, found, { ...found, roles: [...found.roles, name] }, null)];
  const password = user.password === undefined ? null : versioned(user.password, facts);
  const made: UserBody = {
    ...{ roles: [name], full_name: null, email: null, enabled: true },
    metadata: { managed_by: 'remora', remora: { password } },
  };
  return [userStep({ ...at, reason: `has role ${name}, and is made for it` }, null, made, password)];
};

/**
 * Plans a role with which users of a cluster may use a connection: on the local cluster alone where a key lets users in, under the same name on both where
 * certificates do. Who shall have it keeps the other roles. Throws a RemoraError for what others made.
 */
export const planRoleApply = (request: RoleApplyRequest, facts: RoleFacts, context: PlanContext): StoredPlan => {
  refuseRole(request, facts);
  const { local, alias } = facts.connection;
  const sides = sidesOf(facts).map((side) => ({ side, role: wantedRole(request, facts, side, context) }));
  const roles = sides
    .filter(({ side, role }) => canonicalText(side.role) !== canonicalText(role))
    .map(({ side, role }) =>
      roleStep(
        {
          ...{ cluster: side.cluster, name: request.name, stage: STAGE },
          reason: side === facts.local ? `users of ${local} use ${alias} with it` : `decides what they may do there`,
        },
        side.role,
        role,
      ),
    );
  const steps = [...roles, ...userSteps(request, facts)];
  const mine = sides.find(({ side }) => side === facts.local)?.role ?? {};
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify([request.name, local, alias, steps])),
    ...{ workflow: 'apply-role', wanted: request, title: `Role ${request.name} for ${local}/${alias}` },
    createdAt: context.now,
    clusters: sides.map(({ side }) => side.cluster),
    stages: steps.length === 0 ? [] : [{ id: STAGE, title: 'Roles and users', mode: 'serial' }],
    steps,
    ...{ restarts: [], outages: [] },
    warnings: roleWarnings(request, facts, mine),
  };
};
