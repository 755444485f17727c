import Type, { type Static } from 'typebox';
import { CertificateFacts } from './certificate.ts';
import { IssueWish } from './issue-request.ts';
import { issuedPurposes } from './issued-purpose.ts';

const { ca, purpose, keyBits, instances } = IssueWish.properties;

/** Requests to a CA that signs elsewhere. */
export const SigningWish = Type.Object({ ca, purpose, keyBits, instances }, { additionalProperties: false });
export type SigningWish = Static<typeof SigningWish>;

export const NewSigningRequest = Type.Object({
  id: Type.String(),
  name: Type.String(),
  /** PKCS#10, PEM. */
  csr: Type.String(),
});
export type NewSigningRequest = Static<typeof NewSigningRequest>;

/** A request as `certs requests` shows it. */
export const SigningRequestView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  ca: Type.String(),
  purpose: Type.Enum([...issuedPurposes]),
  commonName: Type.String(),
  sans: Type.Array(Type.String()),
  /** ISO 8601, UTC. */
  requestedAt: Type.String(),
  /** PKCS#10, PEM; null of one that an older release made, which handed it out once. */
  csr: Type.Union([Type.String(), Type.Null()]),
  /** The certificate, once it came back and was taken. */
  certificate: Type.Union([CertificateFacts, Type.Null()]),
});
export type SigningRequestView = Static<typeof SigningRequestView>;

/** Base64 of PEM or DER. */
const SignedFile = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 400 }),
    content: Type.String({ minLength: 1, maxLength: 256 * 1024, pattern: '^[A-Za-z0-9+/]+={0,2}$' }),
  },
  { additionalProperties: false },
);
export const SignedFiles = Type.Object(
  { files: Type.Array(SignedFile, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
);
export type SignedFiles = Static<typeof SignedFiles>;

const { content } = SignedFile.properties;

/** Certificates that were made elsewhere, with their keys. */
export const GivenCertificates = Type.Object(
  {
    ca,
    purpose: Type.Enum([...issuedPurposes]),
    certificates: Type.Array(
      Type.Object(
        {
          /** The node that it is for, or that signs with it. */
          name: Type.String({ minLength: 1, maxLength: 255 }),
          /** PEM with intermediate CAs, or PKCS#12 with the key. */
          certificate: content,
          /** PEM or DER; absent with PKCS#12. */
          key: Type.Optional(content),
          /** Of the key, or of the PKCS#12 file. */
          passphrase: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 1000 },
    ),
    /** They are checked, and none is kept: the answer is empty. */
    check: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type GivenCertificates = Static<typeof GivenCertificates>;
