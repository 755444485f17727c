import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { isPkcs12 } from '@remora/shared/pkcs12-header.ts';
import { keyMatches } from '../ca.ts';
import { type DescribedCertificate, describeCertificate, parsePemBundle } from '../describe.ts';
import { requireRsa, SHORTEST_BITS } from '../keys.ts';
import { nameConstraintsOf } from '../names/name-constraints.ts';
import { readPkcs12 } from '../pkcs12/read-pkcs12.ts';
import { isPem, pemKeyOf, readKey } from './read-key.ts';
import { isZip, readZip } from './read-zip.ts';

/**
 * A CA as it was made elsewhere: a certificate in PEM or DER, a PKCS#12 file with its key, or the zip file of `elasticsearch-certutil ca`; else the key beside it
 * in PEM or DER.
 */
export interface CaFiles {
  readonly certificate: Uint8Array;
  readonly key: Uint8Array | null;
  /** Of the key, or of the PKCS#12 file. */
  readonly passphrase: string | null;
}

export interface ReadCa {
  readonly certificatePem: string;
  /** PKCS#8, unencrypted; null for a CA that is only trusted. */
  readonly privateKeyPem: string | null;
  readonly facts: DescribedCertificate;
}

const refuse = (message: string, hint = ''): never => {
  throw new RemoraError('bad-input', message, hint === '' ? {} : { hint });
};

const names = { key: "The CA's key", file: 'The key file', owner: 'the CA' };

const certificatesOf = (file: Uint8Array): string[] => {
  if (isPem(file)) return parsePemBundle(Buffer.from(file).toString('utf8'), 'The certificate file');
  try {
    return [new X509Certificate(file).toString()];
  } catch {
    return refuse(
      'The certificate file is neither PEM nor DER nor PKCS#12.',
      'Give a file that begins with -----BEGIN CERTIFICATE-----, or a .p12 file.',
    );
  }
};

const nameOf = ({ subject }: DescribedCertificate): string => `"${subject}"`;

/** Broken, and refused by Java and OpenSSL but for a root, whose own signature they do not look at. */
export const WEAK_SIGNATURE = /md[245]|sha-?1(?!\d)/i;

/** Why a certificate cannot be trusted or sign as a CA, as the end of a sentence; null when it can. */
const unfitness = (certificate: X509Certificate, facts: DescribedCertificate, now: Date): string | null => {
  if (!facts.isCa)
    return 'is not the certificate of a CA (basicConstraints CA:TRUE, and keyCertSign where it has a key usage)';
  if (certificate.validToDate <= now) return `ended at ${facts.notAfter}`;
  if (certificate.validFromDate > now) return `begins at ${facts.notBefore} only`;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey;
  const bits = details?.modulusLength ?? 0;
  if (type === 'rsa' && bits < SHORTEST_BITS)
    return `has a key of ${bits} bits; ${SHORTEST_BITS} are the least that count as safe`;
  const signature = certificate.signatureAlgorithm ?? '';
  if (WEAK_SIGNATURE.test(signature))
    return `is signed with ${signature}, which counts as broken: make a CA that is signed with SHA-256`;
  return null;
};

const checked = (pem: string, key: KeyObject | null, now: Date): ReadCa => {
  const facts = describeCertificate(pem);
  nameConstraintsOf(pem);
  const why = unfitness(new X509Certificate(pem), facts, now);
  if (why !== null) return refuse(`${nameOf(facts)} ${why}.`);
  const privateKeyPem =
    key === null
      ? null
      : requireRsa(key, `The key of ${nameOf(facts)}`)
          .export({ format: 'pem', type: 'pkcs8' })
          .toString();
  return { certificatePem: pem.endsWith('\n') ? pem : `${pem}\n`, privateKeyPem, facts };
};

/** The certificate that the key belongs to; without a key there may be one only. */
const chosen = (certificates: readonly string[], key: KeyObject | null): string => {
  const [first, ...others] = certificates;
  if (first === undefined) return refuse('The file holds no certificate.');
  if (key === null) {
    if (others.length === 0) return first;
    return refuse(
      `The certificate file holds ${certificates.length} certificates: give that of the CA alone.`,
      'Several CAs are imported one by one, each under a name of its own.',
    );
  }
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  const own = key.asymmetricKeyType === 'rsa' ? certificates.find((one) => keyMatches(one, pem)) : first;
  return own ?? refuse(`The key is not the one of ${nameOf(describeCertificate(first))}.`);
};

const fromPkcs12 = async (files: CaFiles): Promise<{ certificates: readonly string[]; key: KeyObject | null }> => {
  if (files.key !== null)
    return refuse('A PKCS#12 file brings its own key: leave out --key, or give the certificate as PEM.');
  const { certificates, keys } = await readPkcs12(files.certificate, files.passphrase, 'The certificate file');
  if (keys.length > 1)
    return refuse(`The PKCS#12 file holds ${keys.length} private keys: give the one of the CA alone.`);
  const [key] = keys;
  if (key === undefined)
    return refuse('The PKCS#12 file holds no private key.', 'To trust the CA alone, give its certificate as PEM.');
  return { certificates, key: createPrivateKey(key) };
};

const fromFiles = ({
  certificate,
  key,
  passphrase,
}: CaFiles): { certificates: readonly string[]; key: KeyObject | null } => {
  const beside =
    key ?? (isPem(certificate) && pemKeyOf(Buffer.from(certificate).toString('utf8'), names) ? certificate : null);
  return {
    certificates: certificatesOf(certificate),
    key: beside === null ? null : readKey(beside, passphrase, names),
  };
};

/** As `elasticsearch-certutil` calls them, also where somebody packed them anew. */
const IN_ZIP = /^(?:ca\/)?ca\.(crt|key|p12)$/;

const unpacked = async (files: CaFiles): Promise<CaFiles> => {
  if (!isZip(files.certificate)) return files;
  if (files.key !== null) return refuse('A zip file brings its own key: leave out --key.');
  const found = await readZip(files.certificate, (path) => IN_ZIP.test(path), 'The certificate file');
  const byKind = new Map([...found].map(([path, content]) => [IN_ZIP.exec(path)?.[1], content]));
  if (byKind.size < found.size) return refuse('The zip file holds several CAs: give the files of one of them.');
  const [p12, certificate] = [byKind.get('p12'), byKind.get('crt')];
  if (p12 !== undefined && certificate === undefined) return { ...files, certificate: p12 };
  if (certificate !== undefined) return { ...files, certificate, key: byKind.get('key') ?? null };
  return refuse(
    'The zip file holds neither ca/ca.crt nor ca/ca.p12.',
    'Give what `elasticsearch-certutil ca --pem` wrote, or the files in it one by one.',
  );
};

/**
 * Reads a CA that was made elsewhere and checks that it can be one now: a CA certificate, within its dates, no weak key or signature, and the key, where
 * there is one, of this certificate. Throws `bad-input` with a sentence for each; never quotes a key.
 */
export const readCa = async (given: CaFiles, now: Date): Promise<ReadCa> => {
  const files = await unpacked(given);
  const { certificates, key } = isPkcs12(files.certificate) ? await fromPkcs12(files) : fromFiles(files);
  try {
    return checked(chosen(certificates, key), key, now);
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    // OpenSSL reads certificates whose keys it then cannot use.
    throw new RemoraError('bad-input', `The certificate cannot be used: ${messageOf(error)}.`, { cause: error });
  }
};
