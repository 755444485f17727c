import type { AnyStep } from '../steps.ts';
import { type RoleBody, roleDiff, type UserBody, userDiff } from './role-definition.ts';

/** A role that becomes another one, is made or removed. */
export const roleStep = (
  at: { readonly cluster: string; readonly name: string; readonly stage: string; readonly reason: string },
  expected: RoleBody | null,
  role: RoleBody | null,
): AnyStep => {
  const { cluster, name, stage, reason } = at;
  return {
    ...{ id: `role-${cluster}-${name}`, kind: 'role.put', target: cluster, effect: 'api', stage, reason },
    diff: roleDiff(name, expected, role),
    input: { cluster, name, role, expected },
  };
};

/** A user that becomes another one, is made or removed. */
export const userStep = (
  at: { readonly cluster: string; readonly name: string; readonly stage: string; readonly reason: string },
  expected: UserBody | null,
  user: UserBody | null,
  password: string | null,
): AnyStep => {
  const { cluster, name, stage, reason } = at;
  return {
    ...{ id: `user-${cluster}-${name}`, kind: 'user.put', target: cluster, effect: 'api', stage, reason },
    diff: userDiff(name, expected, user),
    input: { cluster, name, user, password, expected },
  };
};
