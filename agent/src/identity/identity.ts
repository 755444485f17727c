import { createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DataDirectory } from '../data-directory.ts';
import { isMissing, removeDurably, writePrivate } from '../system/durable-file.ts';

/** Who the agent is to its coordinator: a client certificate and its private key, PEM. */
export interface Identity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** RSA, because the coordinator signs with node-forge, which has no elliptic curves. */
const KEY_BITS = 3072;

/** PKCS#8, PEM. */
export const newPrivateKey = async (): Promise<string> => {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};

/** One file for both, so that one rename replaces them together. */
const format = ({ certificatePem, privateKeyPem }: Identity): string =>
  `${certificatePem.trim()}\n${privateKeyPem.trim()}\n`;

const part = (text: string, what: RegExp): string => `${what.exec(text)?.[0] ?? ''}\n`;

const parse = (text: string): Identity => ({
  certificatePem: part(text, /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/),
  privateKeyPem: part(text, /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/),
});

const readIfThere = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

/** The agent's identity; that of an agent which joined before renewal was there lies in two files. Throws what reading them throws. */
export const readIdentity = async (directory: DataDirectory): Promise<Identity> => {
  const text = await readIfThere(directory.identity);
  if (text !== null) return parse(text);
  const { certificate, key } = directory.joinedEarlier;
  const [certificatePem, privateKeyPem] = await Promise.all([readFile(certificate, 'utf8'), readFile(key, 'utf8')]);
  return { certificatePem, privateKeyPem };
};

/** Whether the certificate belongs to the key; false for what is no certificate. */
export const belongTogether = ({ certificatePem, privateKeyPem }: Identity): boolean => {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
};

/** The identity before the last renewal, while its certificate has not ended; null when there is none that can be used. */
export const readPrevious = async (directory: DataDirectory): Promise<Identity | null> => {
  const text = await readIfThere(directory.previousIdentity).catch(() => null);
  if (text === null) return null;
  const previous = parse(text);
  if (!belongTogether(previous)) return null;
  return new X509Certificate(previous.certificatePem).validToDate.getTime() > Date.now() ? previous : null;
};

const forgetEarlier = async ({ joinedEarlier }: DataDirectory): Promise<void> => {
  await removeDurably(joinedEarlier.key);
  await removeDurably(joinedEarlier.certificate);
};

/** The identity that a join brought; nothing of an earlier one is kept. */
export const writeIdentity = async (directory: DataDirectory, identity: Identity): Promise<void> => {
  await removeDurably(directory.previousIdentity);
  await writePrivate(directory.identity, format(identity));
  await forgetEarlier(directory);
};

/**
 * Takes a renewed identity. The one before is kept: a store that is restored from a back-up knows that one only. A crash at any instant leaves an identity that
 * the coordinator knows, since both are good until the new one was used. One that was never let in is not kept: it is good for nothing without the one before.
 */
export const replaceIdentity = async (
  directory: DataDirectory,
  next: Identity,
  wasAccepted: (certificatePem: string) => boolean,
): Promise<void> => {
  const now = await readIdentity(directory);
  if (wasAccepted(now.certificatePem)) await writePrivate(directory.previousIdentity, format(now));
  await writePrivate(directory.identity, format(next));
  await forgetEarlier(directory);
};

/** The identity before the last renewal was let in, and the newest one was not: it counts again. */
export const goBackTo = async (directory: DataDirectory, previous: Identity): Promise<void> => {
  await writePrivate(directory.identity, format(previous));
  await removeDurably(directory.previousIdentity);
};
