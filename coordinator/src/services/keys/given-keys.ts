import { keyIdIn } from '@remora/shared/model/keys/encoded-key.ts';
import { type GivenKey, givenKeyName, type KeptKey } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { parseAlias, parseClusterName } from '@remora/shared/model/values/names.ts';
import { type GivenSecrets, keepGiven } from './given-secrets.ts';

/** Seals a key that others made, unless it is only checked; answers by which secret it is called, and its id. */
export const keepGivenKey =
  (secrets: GivenSecrets) =>
  async (given: GivenKey, actor: string): Promise<KeptKey> => {
    parseClusterName(given.local);
    parseAlias(given.alias);
    const id = keyIdIn(given.key);
    const { check } = given;
    const wish = { name: givenKeyName(given), value: given.key, ...(check === undefined ? {} : { check }) };
    return { ...(await keepGiven(secrets, wish, actor)), id };
  };
