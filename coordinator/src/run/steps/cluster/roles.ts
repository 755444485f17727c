import { RemoraError } from '@remora/shared/errors.ts';
import { findRole, findUser, putRole, putUser } from '../../../elasticsearch/security.ts';
import { canonicalText, type RoleBody, type UserBody } from '../../../plan/roles/role-definition.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

interface Write<T> {
  /** For people, `Role x of cluster y`. */
  readonly what: string;
  readonly find: () => Promise<T | null>;
  readonly put: () => Promise<void>;
  readonly wanted: T | null;
  readonly expected: T | null;
}

/** Writes unless it stands there: what is neither that nor what the plan saw is somebody else's by now. In place is what a re-read shows. */
const write = async <T extends RoleBody | UserBody>(context: StepContext, one: Write<T>): Promise<null> => {
  const standing = await one.find();
  const is = (other: T | null): boolean => canonicalText(standing) === canonicalText(other);
  if (!is(one.wanted) && !is(one.expected))
    throw new RemoraError('step-contested', `${one.what} is another one by now than when the plan was made.`, {
      hint: 'Find out who changes it, then give the same command again.',
    });
  await rememberBefore(context, async () => standing);
  if (!is(one.wanted)) {
    await context.checkFence();
    await one.put();
  }
  if (canonicalText(await one.find()) !== canonicalText(one.wanted))
    throw new RemoraError('step-failed', `${one.what} was written, but a re-read shows another one.`);
  return null;
};

export const putRoleStep =
  ({ clients }: Pick<StepParts, 'clients'>): Executor<'role.put'> =>
  async (context, { cluster, name, role, expected }) => {
    const client = await clients.get(cluster);
    return write<RoleBody>(context, {
      ...{ what: `Role ${name} of cluster ${cluster}`, wanted: role, expected },
      find: () => findRole(client, cluster, name),
      put: () => putRole(client, cluster, name, role),
    });
  };

export const putUserStep =
  ({ clients, secrets }: Pick<StepParts, 'clients' | 'secrets'>): Executor<'user.put'> =>
  async (context, { cluster, name, user, password, expected }) => {
    const client = await clients.get(cluster);
    const value = password === null ? null : (await secrets.get(password)).toString('utf8');
    return write<UserBody>(context, {
      ...{ what: `User ${name} of cluster ${cluster}`, wanted: user, expected },
      find: () => findUser(client, cluster, name),
      put: () => putUser(client, cluster, name, user, value),
    });
  };
