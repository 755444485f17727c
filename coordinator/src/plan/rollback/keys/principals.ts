import { isKept } from '../../node/secret-versions.ts';
import { canonicalText, type RoleBody, type UserBody } from '../../roles/role-definition.ts';
import { roleStep, userStep } from '../../roles/role-steps.ts';
import type { AnyStep, PlannedStep } from '../../steps.ts';
import { beforeOf, type RollbackFacts } from '../facts.ts';
import type { Part } from '../settings.ts';

export const PRINCIPAL_STAGE = 'principals';

type Writes = PlannedStep<'role.put'> | PlannedStep<'user.put'>;

/** A step that writes a role or a user. */
export const writesPrincipal = (step: AnyStep): step is Extract<AnyStep, { kind: 'role.put' | 'user.put' }> =>
  step.kind === 'role.put' || step.kind === 'user.put';

/** A role or a user, as people call it. */
export const principalKey = ({ kind, input }: Writes): string =>
  `${kind === 'role.put' ? 'Role' : 'User'} ${input.name} of cluster ${input.cluster}`;

/** The password with which Remora made a user; null where it is not kept, or others made the user. */
const passwordOf = ({ metadata }: UserBody, { secretVersions }: RollbackFacts): string | null => {
  const { password = null } = (metadata.remora ?? {}) as { readonly password?: string | null };
  return password !== null && isKept(secretVersions, password) ? password : null;
};

const reason = 'the run wrote another one';

/** Puts one back; a sentence where that cannot be done. */
const backStep = (
  facts: RollbackFacts,
  step: Extract<AnyStep, { kind: 'role.put' | 'user.put' }>,
  standing: RoleBody | UserBody | null,
  was: RoleBody | UserBody | null,
): AnyStep | string => {
  const at = { cluster: step.input.cluster, name: step.input.name, stage: PRINCIPAL_STAGE, reason };
  if (step.kind === 'role.put') return roleStep(at, standing as RoleBody | null, was as RoleBody | null);
  const [now, user] = [standing as UserBody | null, was as UserBody | null];
  const password = now === null && user !== null ? passwordOf(user, facts) : null;
  return now === null && user !== null && password === null
    ? `${principalKey(step)} was removed, and cannot be made again: nobody here knows the password. Make the user by hand.`
    : userStep(at, now, user, password);
};

/**
 * Puts roles and users back to what stood there before the run, in reverse: as long as one is what a step made of it. What somebody changed since stays. A user that
 * comes back has the password with which Remora had made it.
 */
export const principalsPart = (facts: RollbackFacts): Part => {
  const [steps, warnings, findings]: [AnyStep[], string[], string[]] = [[], [], []];
  for (const step of facts.run.plan.steps.toReversed()) {
    if (!writesPrincipal(step)) continue;
    const was = beforeOf(facts.run.steps.get(step.id)) as RoleBody | UserBody | null | undefined;
    const key = principalKey(step);
    const standing = facts.principals.get(key) ?? null;
    if (was === undefined || canonicalText(standing) === canonicalText(was)) continue;
    const made = step.kind === 'role.put' ? step.input.role : step.input.user;
    if (canonicalText(standing) !== canonicalText(made)) {
      warnings.push(`${key} was changed by somebody else since, and stays as it is.`);
      continue;
    }
    const back = backStep(facts, step, standing, was);
    if (typeof back === 'string') findings.push(back);
    else steps.push(back);
  }
  return { steps, warnings, findings };
};
