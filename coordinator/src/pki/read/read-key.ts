import { createPrivateKey, type KeyObject } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';

const refuse = (message: string, hint = ''): never => {
  throw new RemoraError('bad-input', message, hint === '' ? {} : { hint });
};

export const isPem = (file: Uint8Array): boolean => Buffer.from(file).includes('-----BEGIN ');

/** Of whom a file is, in sentences: `The CA's key` and `The key file`. */
export interface KeyNames {
  readonly key: string;
  readonly file: string;
  /** For whom it should be, where it holds several. */
  readonly owner: string;
}

/** In PEM the key may be in the same file. */
export const pemKeyOf = (text: string, { file, owner }: KeyNames): string | null => {
  const blocks = text.split(/(?=-----BEGIN )/);
  const keys = blocks.flatMap(
    (one) => /^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----/s.exec(one)?.[0] ?? [],
  );
  if (keys.length > 1) return refuse(`${file} holds ${keys.length} private keys: give the one of ${owner}.`);
  return keys[0] ?? null;
};

const isEncrypted = (pem: string): boolean => pem.includes('ENCRYPTED');

/** An encrypted key says itself how often its passphrase is hashed. More than this would keep the coordinator busy for seconds, or for hours. */
const MOST_ITERATIONS = 2_000_000;

const integersIn = ({ type, value }: forge.asn1.Asn1): number[] => {
  if (typeof value !== 'string') return value.flatMap(integersIn);
  if (type !== forge.asn1.Type.INTEGER) return [];
  return [value.length > 4 ? Number.POSITIVE_INFINITY : Number(`0x${forge.util.bytesToHex(value) || '0'}`)];
};

/** Of an encrypted PKCS#8 key (RFC 5958): its algorithm with the parameters comes first. What is none is judged by who reads it next. */
const iterationsOf = (der: Uint8Array): number => {
  try {
    const { value } = forge.asn1.fromDer(Buffer.from(der).toString('latin1'));
    const [algorithm] = typeof value === 'string' ? [] : value;
    return algorithm ? Math.max(0, ...integersIn(algorithm)) : 0;
  } catch {
    return 0;
  }
};

const derOfPem = (pem: string): Uint8Array => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

/** Reads a private key of somebody else's, in PEM or DER. Throws `bad-input` without quoting it. */
export const readKey = (file: Uint8Array, passphrase: string | null, names: KeyNames): KeyObject => {
  const pem = isPem(file) ? pemKeyOf(Buffer.from(file).toString('utf8'), names) : null;
  if (isPem(file) && pem === null) return refuse(`${names.file} holds no private key.`);
  if (pem !== null && isEncrypted(pem) && passphrase === null)
    return refuse(`${names.key} is encrypted.`, 'Give its passphrase with --passphrase-file.');
  const iterations = passphrase === null ? 0 : iterationsOf(pem === null ? file : derOfPem(pem));
  if (iterations > MOST_ITERATIONS)
    return refuse(
      `${names.key} is encrypted so that its passphrase is hashed ${iterations} times: that takes too long.`,
    );
  try {
    const secret = passphrase === null ? {} : { passphrase };
    return pem === null
      ? createPrivateKey({ key: Buffer.from(file), format: 'der', type: 'pkcs8', ...secret })
      : createPrivateKey({ key: pem, ...secret });
  } catch (error) {
    if (pem === null && passphrase === null)
      return refuse(
        `${names.file} is neither PEM nor an unencrypted PKCS#8 key in DER.`,
        'An encrypted one needs --passphrase-file.',
      );
    return passphrase === null
      ? refuse(`${names.key} cannot be read: ${messageOf(error)}.`)
      : refuse(`${names.key} cannot be read with this passphrase: ${messageOf(error)}.`);
  }
};
