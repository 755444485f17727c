import { createSign, randomBytes, X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { voucherText } from '@remora/shared/protocol/vouchers.ts';
import { createDurably, readIfPresent, readPrivateIfPresent } from '../../secrets/durable-file.ts';
import { type CertificateAuthority, keyMatches, selfSignCa } from '../ca.ts';
import { describeCertificate } from '../describe.ts';
import { type IssuedCertificate, issueCertificate } from '../issue.ts';
import { generateRsaKeyPair, publicHalfOf } from '../keys.ts';
import { keepServerCertificate, type ServerTls } from '../server-certificate.ts';
import { type FleetCaPaths, finishReplacement, firstCertificate, pathsIn, replaceFleetCa } from './fleet-ca-files.ts';

const CA_DAYS = 3650;
const CA_BITS = 3072;

/** The CA that agents trust and are trusted by. It signs nothing for Elasticsearch. */
export interface FleetCa {
  readonly certificatePem: string;
  readonly certificate: X509Certificate;
  /** SHA-256 of the DER, lower-case hex, as join tokens carry it. */
  readonly fingerprint256: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** A client certificate whose common name is `id`, for example `agent:CLUSTER/NODE`. Throws `bad-input` for a key that is not RSA. */
  issueAgentCertificate(request: {
    readonly publicKeyPem: string;
    readonly id: string;
    readonly validityMs: number;
  }): IssuedCertificate;
  /** Its signature over the fingerprint of another CA, base64, for agents that know this one only: see shared/src/protocol/vouchers.ts. */
  vouchFor(fingerprint256: string): string;
  /**
   * The coordinator's own TLS key and chain for these hosts (names and IP addresses; localhost, 127.0.0.1 and ::1 are always added), kept in `server.key` and
   * `server.crt` and issued again when the hosts changed or two thirds of its life have passed. Call it again, say daily, to notice the latter.
   */
  issueServerCertificate(request: { readonly hosts: readonly string[] }): Promise<ServerTls>;
}

/**
 * Opens `fleet-ca.crt` (0644) and `fleet-ca.key` (0600) in the data directory, or makes them for ten years. The key is put in place first: a crash in between
 * leaves a key, to which the certificate is made at the next start. While the CA is being rotated, `fleet-ca.crt` holds the next one too, behind this one. One
 * that has ended meanwhile is of no use to anybody: the next one takes its place, and the rotation goes on with that. Throws
 * `data-directory`, naming the file and what to do.
 */
export const openFleetCa = async (options: Place): Promise<FleetCa> => {
  await finishReplacement(options.directory);
  if ((await hasEnded(options)) && (await openNextFleetCa(options))) await replaceFleetCa(options.directory);
  return openAt(pathsIn(options.directory).current, options);
};

/** False for what is no certificate: that is told when it is opened. */
const hasEnded = async ({ directory, now }: Place): Promise<boolean> => {
  const text = await readIfPresent(pathsIn(directory).current.certificate);
  try {
    return text !== null && new X509Certificate(firstCertificate(text)).validToDate <= now();
  } catch {
    return false;
  }
};

/** Makes or opens the CA that takes its place, `fleet-ca-next.crt` and `fleet-ca-next.key`. Throws `data-directory`. */
export const makeNextFleetCa = (options: Place): Promise<FleetCa> => openAt(pathsIn(options.directory).next, options);

/** The CA that takes its place; null when its files are not both there. Throws `data-directory` for what cannot be used. */
export const openNextFleetCa = async (options: Place): Promise<FleetCa | null> => {
  const { certificate, key } = pathsIn(options.directory).next;
  const isThere = (await readIfPresent(certificate)) !== null && (await readIfPresent(key)) !== null;
  return isThere ? makeNextFleetCa(options) : null;
};

interface Place {
  readonly directory: string;
  readonly now: () => Date;
}

const openAt = async (paths: FleetCaPaths, { directory, now }: Place): Promise<FleetCa> => {
  const { certificate: certificatePath, key: keyPath } = paths;
  const ca = (await load(certificatePath, keyPath)) ?? (await create(certificatePath, keyPath, now()));
  const facts = check(ca, certificatePath, keyPath, now());
  return {
    certificatePem: ca.certificatePem,
    certificate: new X509Certificate(ca.certificatePem),
    fingerprint256: facts.fingerprint256,
    notAfter: facts.notAfter,
    vouchFor: (fingerprint256) =>
      createSign('sha256').update(voucherText(facts.fingerprint256, fingerprint256)).sign(ca.privateKeyPem, 'base64'),
    issueAgentCertificate: ({ publicKeyPem, id, validityMs }) =>
      issueCertificate({
        ca,
        publicKeyPem,
        subject: { commonName: id },
        sans: { dns: [], ip: [] },
        usage: ['client'],
        validityMs,
        now: now(),
      }),
    issueServerCertificate: ({ hosts }) => keepServerCertificate({ ca, directory, hosts, now: now() }),
  };
};

const load = async (certificatePath: string, keyPath: string): Promise<CertificateAuthority | null> => {
  const [certificates, privateKeyPem] = await Promise.all([
    readIfPresent(certificatePath),
    readPrivateIfPresent(keyPath),
  ]);
  if (certificates === null) return null;
  if (privateKeyPem !== null) return { certificatePem: firstCertificate(certificates), privateKeyPem };
  throw new RemoraError('data-directory', `${certificatePath} is there, but its key ${keyPath} is missing.`, {
    hint: `Restore ${keyPath} from a backup, or remove ${certificatePath} too: then a new fleet CA is made and every agent has to join again.`,
  });
};

/** Leaves alone what another process, or an earlier start that crashed, has put in place already. */
const create = async (certificatePath: string, keyPath: string, now: Date): Promise<CertificateAuthority> => {
  if ((await readPrivateIfPresent(keyPath)) === null) {
    await createDurably(keyPath, (await generateRsaKeyPair(CA_BITS)).privateKeyPem, 0o600);
  }
  const privateKeyPem = (await readPrivateIfPresent(keyPath)) ?? '';
  const name = `Remora fleet CA ${randomBytes(4).toString('hex')}`;
  await createDurably(certificatePath, certify(keyPath, privateKeyPem, name, now), 0o644);
  return { certificatePem: firstCertificate((await readIfPresent(certificatePath)) ?? ''), privateKeyPem };
};

const certify = (keyPath: string, privateKeyPem: string, commonName: string, now: Date): string => {
  try {
    const publicKeyPem = publicHalfOf(privateKeyPem);
    return selfSignCa({ commonName, validityDays: CA_DAYS, now, pathLength: 0 }, { privateKeyPem, publicKeyPem });
  } catch (error) {
    throw unusable(keyPath, `is not a usable RSA key: ${messageOf(error)}`, error);
  }
};

const unusable = (path: string, why: string, cause?: unknown): RemoraError =>
  new RemoraError('data-directory', `${path} ${why}.`, {
    hint: 'Restore fleet-ca.crt and fleet-ca.key from a backup, or remove both: then a new fleet CA is made and every agent has to join again.',
    cause,
  });

const check = (ca: CertificateAuthority, certificatePath: string, keyPath: string, now: Date) => {
  const facts = attempt(certificatePath, 'cannot be read as a certificate', () =>
    describeCertificate(ca.certificatePem),
  );
  if (!facts.isCa) throw unusable(certificatePath, 'is not a CA certificate');
  if (new Date(facts.notAfter) <= now) throw unusable(certificatePath, `ended at ${facts.notAfter}`);
  const matches = attempt(keyPath, 'is not a usable RSA key', () => keyMatches(ca.certificatePem, ca.privateKeyPem));
  if (!matches) throw unusable(keyPath, `is not the key of ${certificatePath}`);
  return facts;
};

const attempt = <T>(path: string, why: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    throw unusable(path, `${why}: ${messageOf(error)}`, error);
  }
};
