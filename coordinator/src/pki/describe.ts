import { X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import { canonicalIp } from '@remora/shared/model/values/address.ts';
import { otherNamesIn } from './names/general-names.ts';

export interface DescribedCertificate extends CertificateFacts {
  /** Its own key signed it. */
  readonly selfSigned: boolean;
  /** It may sign others (basicConstraints). */
  readonly isCa: boolean;
}

/**
 * Node gives one relative name a line, as encoded and with values escaped as RFC 2253 asks; the text form has them in reverse order, with commas.
 */
const rfc2253 = (lines: string): string =>
  lines
    .split('\n')
    .reverse()
    // The parts of a relative name with several values; a "+" within a value is escaped.
    .map((name) => name.replaceAll(' + ', '+'))
    .join(',');

/** Entries are parted by ", "; one that holds special characters is written as `KIND:` and a JSON string. */
const ALTERNATIVE_NAME = /([^:,]+):("(?:[^"\\]|\\.)*"|.*?)(?:, (?=[A-Za-z][A-Za-z0-9 ]*:)|$)/gs;

const alternativeName = (kind: string, text: string): string => {
  const value = text.startsWith('"') ? String(JSON.parse(text)) : text;
  return kind === 'IP Address' ? `IP:${canonicalIp(value) ?? value}` : `${kind}:${value}`;
};

const UNREAD = 'othername:<unsupported>';

/** Names in their order; other names, which node:crypto does not read, stand last where they are of the kind that Elasticsearch looks for. */
const alternativeNames = (certificate: X509Certificate): string[] => {
  const text = certificate.subjectAltName ?? '';
  const names = [...text.matchAll(ALTERNATIVE_NAME)].map(([, kind, value]) => alternativeName(kind ?? '', value ?? ''));
  if (!names.includes(UNREAD)) return names;
  const others = otherNamesIn(certificate.toString()).map((name) => `otherName:${name}`);
  return [...names.filter((name) => name !== UNREAD), ...others];
};

/** What a certificate says. Takes PEM (the first of several) or DER; throws `bad-input`. */
export const describeCertificate = (pemOrDer: string | Buffer): DescribedCertificate => {
  const certificate = parse(pemOrDer);
  try {
    return described(certificate);
  } catch (error) {
    // OpenSSL reads dates that are none, and keys of kinds that it does not know.
    throw unreadable('That', error);
  }
};

const described = (certificate: X509Certificate): DescribedCertificate => ({
  subject: rfc2253(certificate.subject),
  issuer: rfc2253(certificate.issuer),
  sans: alternativeNames(certificate),
  notBefore: certificate.validFromDate.toISOString(),
  notAfter: certificate.validToDate.toISOString(),
  fingerprint256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  serial: certificate.serialNumber.toLowerCase(),
  selfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  isCa: certificate.ca,
});

const unreadable = (what: string, error: unknown): RemoraError =>
  new RemoraError('bad-input', `${what} is not a certificate that can be read: ${messageOf(error)}.`, { cause: error });

const parse = (pemOrDer: string | Buffer, what = 'That'): X509Certificate => {
  try {
    return new X509Certificate(pemOrDer);
  } catch (error) {
    throw unreadable(what, error);
  }
};

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/**
 * The certificates of a PEM file in their order, each as PEM of its own with line feeds. Text between the blocks and blocks of other kinds (a key in the same
 * file) are left out. `source` begins the sentence of an error (`bad-input`), for example a file's path.
 */
export const parsePemBundle = (text: string, source = 'The PEM text'): string[] => {
  const refuse = (why: string): never => {
    throw new RemoraError('bad-input', `${source} ${why}.`, {
      hint: 'Give a PEM file: text with one or more -----BEGIN CERTIFICATE----- blocks.',
    });
  };
  const blocks = [...text.matchAll(BLOCK)];
  const begun = text.match(/-----BEGIN [A-Z0-9 ]+-----/g)?.length ?? 0;
  if (begun > blocks.length) return refuse('has a block without its END line: it was cut off');
  const certificates = blocks.filter(([, label]) => label === 'CERTIFICATE').map(([block]) => block);
  if (certificates.length === 0) {
    const found = blocks.map(([, label]) => label).join(', ');
    return refuse(found === '' ? 'holds no PEM block' : `holds no certificate, only: ${found}`);
  }
  return certificates.map((block, index) => {
    const pem = `${parse(block, `Certificate ${index + 1} of ${source}`)
      .toString()
      .trim()}\n`;
    return pem;
  });
};
