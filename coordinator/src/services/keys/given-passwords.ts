import {
  type GivenPassword,
  type KeptPassword,
  parseUserName,
  userPasswordName,
} from '@remora/shared/model/requests/role-request.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import { userWithPassword } from '../../observe/connections/observe-roles.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { refuseUser } from '../../plan/roles/refusals.ts';
import { type GivenSecrets, keepGiven } from './given-secrets.ts';

/** Seals the password of a user, unless it is only checked. Refuses before that one which Elasticsearch would not take, or with which a user that is there does not log in. */
export const keepGivenPassword =
  (parts: Pick<ObserveParts, 'clients'>, secrets: GivenSecrets) =>
  async ({ local, user, password, check }: GivenPassword, actor: string): Promise<KeptPassword> => {
    parseClusterName(local);
    const name = userPasswordName(local, parseUserName(user));
    refuseUser({ name: user, password: name }, await userWithPassword(parts, local, user, password), local);
    return keepGiven(secrets, { name, value: password, ...(check === undefined ? {} : { check }) }, actor);
  };
