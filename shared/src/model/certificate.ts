import Type, { type Static } from 'typebox';

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
