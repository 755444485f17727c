import { X509Certificate } from 'node:crypto';
import type { CertificateFacts } from '@remora/shared/model/certificate.ts';

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

export const certificateFacts = (certificate: X509Certificate): CertificateFacts => ({
  subject: distinguishedName(certificate.subject),
  issuer: distinguishedName(certificate.issuer),
  sans: subjectAltNames(certificate.subjectAltName),
  notBefore: certificate.validFromDate.toISOString(),
  notAfter: certificate.validToDate.toISOString(),
  fingerprint256: hex(certificate.fingerprint256),
  serial: hex(certificate.serialNumber),
});

/** The certificates of a PEM text in their order; what is no certificate, or a broken one, is passed over. */
export const certificatesIn = (text: string): CertificateFacts[] =>
  [...text.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)].flatMap(([pem]) => {
    try {
      return [certificateFacts(new X509Certificate(pem))];
    } catch {
      return [];
    }
  });
