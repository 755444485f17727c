import type { OperationCall, OperationInput } from '@remora/shared/operations.ts';

/** Gives the value of `secret:NAME@VERSION`; throws `not-found` for an unknown one. */
export type SecretValue = (reference: string) => Promise<Buffer>;

const isText = (value: unknown): value is string => typeof value === 'string';

/** The references of `{ $secret: reference }` or `{ $secret: [reference, …] }`; null for any other object. */
const referencesIn = (value: object): readonly string[] | null => {
  const [key, ...rest] = Object.keys(value);
  if (key !== '$secret' || rest.length > 0) return null;
  const { $secret } = value as { readonly $secret: unknown };
  if (isText($secret)) return [$secret];
  return Array.isArray($secret) && $secret.length > 0 && $secret.every(isText) ? $secret : null;
};

/** The values of a list follow one another, without anything in between. */
const bytesOf = async (references: readonly string[], secret: SecretValue): Promise<Buffer> =>
  Buffer.concat(await Promise.all(references.map(secret)));

/** Replaces every `{ $secret: reference }` at any depth by its value as text; answers a copy. */
const resolveTexts = async (value: unknown, secret: SecretValue): Promise<unknown> => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveTexts(item, secret)));
  const references = referencesIn(value);
  if (references !== null) return (await bytesOf(references, secret)).toString('utf8');
  const entries = await Promise.all(
    Object.entries(value).map(async ([key, item]) => [key, await resolveTexts(item, secret)] as const),
  );
  return Object.fromEntries(entries);
};

/** A file's content travels as base64, since a PKCS#12 is no text: a secret there is its bytes. */
const resolveFiles = async (input: OperationInput<'files'>, secret: SecretValue): Promise<OperationInput<'files'>> => {
  const write = input.write.map(async (file) => {
    if (isText(file.content)) return file;
    const bytes = await bytesOf([file.content.$secret].flat(), secret);
    return { ...file, content: bytes.toString('base64') };
  });
  return { ...input, write: await Promise.all(write) };
};

/**
 * Puts values in the place of references, right before sending. One rule: `files.write[].content` becomes base64 of the secret's bytes, everything
 * else its UTF-8 text. What comes out is sent and forgotten: never stored, published or logged.
 */
export const resolveSecrets = (operations: readonly OperationCall[], secret: SecretValue): Promise<OperationCall[]> =>
  Promise.all(
    operations.map(async (call) =>
      call.name === 'files'
        ? { name: call.name, input: await resolveFiles(call.input, secret) }
        : ({ name: call.name, input: await resolveTexts(call.input, secret) } as OperationCall),
    ),
  );
