import Type, { type Static } from 'typebox';
import { canonicalIp } from '../values/address.ts';

/** What a certificate says, as both sides show it. Names in RFC 2253 order, dates ISO 8601 in UTC, the fingerprint SHA-256 in lower-case hex. */
export const CertificateFacts = Type.Object({
  subject: Type.String(),
  issuer: Type.String(),
  /** `DNS:name` or `IP:address`, one an entry. */
  sans: Type.Array(Type.String()),
  notBefore: Type.String(),
  notAfter: Type.String(),
  fingerprint256: Type.String(),
  serial: Type.String(),
});
export type CertificateFacts = Static<typeof CertificateFacts>;

/** A certificate as an agent saw it. */
export const SeenCertificate = Type.Object({
  ...CertificateFacts.properties,
  /** The certificate itself, base64 of its DER; where it was asked for. */
  der: Type.Optional(Type.String()),
});
export type SeenCertificate = Static<typeof SeenCertificate>;

const matchesDns = (pattern: string, host: string): boolean => {
  if (!pattern.startsWith('*.')) return pattern === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot + 1) === pattern.slice(2);
};

/**
 * Whether a client that dials `host` accepts the certificate's names (RFC 6125, without the common name, which Java and modern clients ignore): host names
 * without case, `*.` for exactly one label, IP addresses by value.
 */
export const coversAddress = (facts: Pick<CertificateFacts, 'sans'>, host: string): boolean => {
  const ip = canonicalIp(host);
  if (ip !== null) return facts.sans.some((san) => san.startsWith('IP:') && canonicalIp(san.slice(3)) === ip);
  const name = host.toLowerCase().replace(/\.$/, '');
  return facts.sans.some((san) => san.startsWith('DNS:') && matchesDns(san.slice(4).toLowerCase(), name));
};
