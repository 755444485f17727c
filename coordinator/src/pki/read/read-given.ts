import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { isPkcs12 } from '@remora/shared/pkcs12-header.ts';
import { isKeyOf } from '../ca.ts';
import { judgeSigned, type SignedCertificate } from '../check-signed.ts';
import { describeCertificate, parsePemBundle } from '../describe.ts';
import { readPkcs12 } from '../pkcs12/read-pkcs12.ts';
import type { CertificateUsage } from '../usages.ts';
import { judgeCertificate } from './judge.ts';
import { readKey } from './read-key.ts';

/** A certificate that was made elsewhere, with its key. */
export interface GivenFiles {
  /** Of the node that it is for, which begins the sentences. */
  readonly name: string;
  /** PEM with intermediate CAs, or PKCS#12 with the key. */
  readonly certificate: Uint8Array;
  /** PEM or DER; null with PKCS#12. */
  readonly key: Uint8Array | null;
  readonly passphrase: string | null;
}

export interface GivenCertificate extends SignedCertificate {
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
}

/** What it has to be. */
export interface GivenWish {
  readonly caName: string;
  readonly caPem: string;
  readonly usage: readonly CertificateUsage[];
}

const refuse = (message: string, hint = ''): never => {
  throw new RemoraError('bad-input', message, hint === '' ? {} : { hint });
};

interface Content {
  readonly certificates: readonly string[];
  readonly privateKeyPem: string;
}

const contentOf = async ({ name, certificate, key, passphrase }: GivenFiles): Promise<Content> => {
  if (isPkcs12(certificate)) {
    if (key !== null) return refuse(`${name}: a PKCS#12 file brings its own key: give one or the other.`);
    const { certificates, keys } = await readPkcs12(certificate, passphrase, `The file for ${name}`);
    const [privateKeyPem] = keys;
    if (privateKeyPem === undefined || keys.length > 1)
      return refuse(`The PKCS#12 file for ${name} holds ${keys.length} private keys: it has to be one.`);
    return { certificates, privateKeyPem };
  }
  if (key === null) return refuse(`The certificate for ${name} has no key beside it.`);
  const names = { key: `The key for ${name}`, file: `The key file for ${name}`, owner: 'the node' };
  return {
    certificates: parsePemBundle(Buffer.from(certificate).toString('utf8'), `The certificate file for ${name}`),
    privateKeyPem: readKey(key, passphrase, names).export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
};

const checked = ({ name }: GivenFiles, content: Content, wish: GivenWish, now: Date): GivenCertificate => {
  const { certificates, privateKeyPem } = content;
  const own = certificates.find((pem) => isKeyOf(privateKeyPem, pem));
  const [first] = certificates;
  if (own === undefined)
    return refuse(
      first === undefined
        ? `The file for ${name} holds no certificate.`
        : `The key for ${name} is not the one of its certificate "${describeCertificate(first).subject}".`,
    );
  const { sans } = describeCertificate(own);
  const asked = { ...wish, name, sans, caRole: 'that was named, nor by a CA in its file which that one signed' };
  const signed = judgeSigned(own, certificates, asked, now);
  const why = typeof signed === 'string' ? signed : judgeCertificate(own)?.weakKey;
  if (typeof signed === 'string' || why != null) return refuse(`The certificate for ${name} is not taken: ${why}.`);
  return { ...signed, privateKeyPem };
};

/**
 * Reads a certificate and key that were made elsewhere for a port of a node, and checks that they can serve there: they belong together, the chain leads to the CA that was named,
 * usages, dates, no weak key or signature. Throws `bad-input` with a sentence; never quotes a key.
 */
export const readGiven = async (files: GivenFiles, wish: GivenWish, now: Date): Promise<GivenCertificate> => {
  const content = await contentOf(files);
  try {
    return checked(files, content, wish, now);
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    // OpenSSL reads certificates whose keys it then cannot use.
    throw new RemoraError('bad-input', `The certificate for ${files.name} cannot be used: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
