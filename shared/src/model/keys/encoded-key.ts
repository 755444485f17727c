import { RemoraError } from '../../errors.ts';

const refuse = (why: string, hint: string): never => {
  throw new RemoraError('bad-input', `That is not the encoded form of an API key: ${why}.`, { hint });
};

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const ENCODED = 'Give the value of `encoded` as Elasticsearch answered it when the key was made: base64 of ID:SECRET.';

/**
 * Id of the key whose encoded form this is. Throws `bad-input`, and never quotes what it was given. Whether it is a cross-cluster key cannot be told by its form: only the
 * remote cluster says so.
 */
export const keyIdIn = (encoded: string): string => {
  if (/^[A-Za-z0-9_-]{16,}:[A-Za-z0-9_-]{16,}$/.test(encoded))
    return refuse('it is ID:SECRET as it stands, and not base64 of it', ENCODED);
  if (!BASE64.test(encoded)) return refuse('it is no base64', ENCODED);
  const text = Buffer.from(encoded, 'base64').toString('latin1');
  const [, id] = /^([A-Za-z0-9_-]{1,100}):[\x21-\x7e]{1,1000}$/.exec(text) ?? [];
  return id ?? refuse('it does not hold an id and a secret with a colon between them', ENCODED);
};
