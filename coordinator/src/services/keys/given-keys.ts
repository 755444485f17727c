import { RemoraError } from '@remora/shared/errors.ts';
import { keyIdIn } from '@remora/shared/model/keys/encoded-key.ts';
import { type GivenKey, givenKeyName, type KeptKey } from '@remora/shared/model/requests/foreign-connect-request.ts';
import { parseAlias, parseClusterName } from '@remora/shared/model/values/names.ts';
import type { SecretStore } from '../../secrets/secret-store.ts';

const newest = async (secrets: Pick<SecretStore, 'get'>, name: string): Promise<string | null> => {
  try {
    return (await secrets.get(`secret:${name}`)).toString('utf8');
  } catch (error) {
    if (error instanceof RemoraError && error.code === 'not-found') return null;
    throw error;
  }
};

/** Seals a key that others made. The same key again is the same version, so that a command which is given again finds what it made. */
export const keepGivenKey =
  (secrets: Pick<SecretStore, 'get' | 'put' | 'latestVersion'>) =>
  async (given: GivenKey, actor: string): Promise<KeptKey> => {
    parseClusterName(given.local);
    parseAlias(given.alias);
    const id = keyIdIn(given.key);
    const name = givenKeyName(given);
    if ((await newest(secrets, name)) === given.key)
      return { secret: `secret:${name}@${await secrets.latestVersion(name)}`, id };
    return { secret: await secrets.put(name, given.key, actor), id };
  };
