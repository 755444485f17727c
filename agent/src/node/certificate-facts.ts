import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { CertificateFacts, SeenCertificate } from '@remora/shared/model/certificates/certificate.ts';

/** OpenSSL lists a name in the order of its encoding, a line each; RFC 2253 (section 2.1) begins with the last. */
const distinguishedName = (lines: string | undefined): string =>
  (lines ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .join(',');

/** Node writes `DNS:a, IP Address:1.2.3.4`, and quotes as JSON what holds a comma. Other kinds of names have no text and are left out. */
const subjectAltNames = (text: string | undefined): string[] =>
  [...(text ?? '').matchAll(/(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, kind, value = '']) => {
    const name = value.startsWith('"') ? String(JSON.parse(value)) : value;
    return kind === 'DNS' ? `DNS:${name}` : `IP:${name}`;
  });

const hex = (text: string): string => text.replaceAll(':', '').toLowerCase();

const certificateFacts = (certificate: X509Certificate): CertificateFacts => ({
  subject: distinguishedName(certificate.subject),
  issuer: distinguishedName(certificate.issuer),
  sans: subjectAltNames(certificate.subjectAltName),
  notBefore: certificate.validFromDate.toISOString(),
  notAfter: certificate.validToDate.toISOString(),
  fingerprint256: hex(certificate.fingerprint256),
  serial: hex(certificate.serialNumber),
});

/** With the certificate itself where somebody wants to judge it. */
export const seenCertificate = (certificate: X509Certificate, withDer: boolean | undefined): SeenCertificate => ({
  ...certificateFacts(certificate),
  ...(withDer ? { der: certificate.raw.toString('base64') } : {}),
});

/** A store of all public CAs holds some 150; an answer has to fit into one frame. */
const MOST_WITH_DER = 200;

/** The certificates of a PEM text in their order; what is no certificate, or a broken one, is passed over. */
export const certificatesIn = (text: string, withDer?: boolean): SeenCertificate[] =>
  [...text.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)].flatMap(([pem], i) => {
    try {
      return [seenCertificate(new X509Certificate(pem), withDer && i < MOST_WITH_DER)];
    } catch {
      return [];
    }
  });

/**
 * SHA-256 of the public half of the private key in a PEM text; null for one that cannot be read, undefined where there is none. The private key itself goes
 * nowhere.
 */
export const publicKeyDigestIn = (text: string): string | null | undefined => {
  const [pem] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(text) ?? [];
  if (pem === undefined) return undefined;
  try {
    const publicHalf = createPublicKey({ key: pem, format: 'pem' }).export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(publicHalf).digest('hex');
  } catch {
    return null;
  }
};
