import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

const generate = promisify(generateKeyPair);

/** RSA alone: the library that builds certificates and PKCS#12 files knows no elliptic curves. */
export type RsaBits = 2048 | 3072 | 4096;
export const SHORTEST_BITS = 2048;
const LONGEST_BITS = 8192;

export interface KeyPair {
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
}

/** Makes a key pair off the main thread; 2048 bits take some 50 ms, 4096 up to a second. */
export const generateRsaKeyPair = async (bits: RsaBits): Promise<KeyPair> => {
  const { privateKey, publicKey } = await generate('rsa', {
    modulusLength: bits,
    publicExponent: 0x10001,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKeyPem: privateKey, publicKeyPem: publicKey };
};

/** The public half (SubjectPublicKeyInfo, PEM) of an unencrypted private key. Throws what OpenSSL says of one that it cannot read. */
export const publicHalfOf = (privateKeyPem: string): string =>
  createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();

/** Refuses what is no RSA key of a usable length. `whose` begins the sentence, for example "The CA's key". */
export const requireRsa = (key: KeyObject, whose: string): KeyObject => {
  if (key.asymmetricKeyType !== 'rsa') {
    throw new RemoraError(
      'bad-input',
      `${whose} is of type ${key.asymmetricKeyType ?? 'unknown'}; only RSA keys are supported.`,
    );
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < SHORTEST_BITS || bits > LONGEST_BITS) {
    throw new RemoraError('bad-input', `${whose} has ${bits} bits; ${SHORTEST_BITS} to ${LONGEST_BITS} are accepted.`);
  }
  return key;
};

/** Reads a public key in PEM (SubjectPublicKeyInfo); throws `bad-input`. A private key in its place is refused, so that none is ever taken over. */
export const parseRsaPublicKey = (publicKeyPem: string, whose = 'The public key'): KeyObject => {
  if (publicKeyPem.includes('PRIVATE KEY')) throw new RemoraError('bad-input', `${whose} is a private key.`);
  try {
    return requireRsa(createPublicKey(publicKeyPem), whose);
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    throw new RemoraError('bad-input', `${whose} cannot be read as PEM: ${messageOf(error)}.`, { cause: error });
  }
};

/** Reads a private key of any kind in PEM; throws `bad-input` without quoting it. */
export const parsePrivateKey = (
  privateKeyPem: string,
  whose = 'The private key',
  passphrase: string | null = null,
): KeyObject => {
  try {
    return createPrivateKey({ key: privateKeyPem, ...(passphrase === null ? {} : { passphrase }) });
  } catch (error) {
    const how = passphrase === null ? 'as unencrypted PEM' : 'with its passphrase';
    throw new RemoraError('bad-input', `${whose} cannot be read ${how}: ${messageOf(error)}.`);
  }
};

/** The same of an RSA key of a usable length. */
export const parseRsaPrivateKey = (privateKeyPem: string, whose = 'The private key'): KeyObject =>
  requireRsa(parsePrivateKey(privateKeyPem, whose), whose);
