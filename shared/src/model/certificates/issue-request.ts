import Type, { type Static } from 'typebox';
import { CertificateFacts } from './certificate.ts';
import { issuedPurposes } from './issued-purpose.ts';

const Text = Type.String({ minLength: 1, maxLength: 400 });
const MOST_NAMES = 500;
/** A certificate is asked for by name, and its files are called like it. */
const FileName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' });

/** One of the certificates that are asked for. */
export const CertificateInstance = Type.Object(
  {
    name: FileName,
    /** Default: the name. */
    commonName: Type.Optional(Text),
    /** Host names and IP addresses, with or without `DNS:` and `IP:`; a leading `*.` stands for one label. */
    sans: Type.Array(Text, { maxItems: MOST_NAMES }),
    /** Common names as SANs of the type otherName, as Elasticsearch's trust restrictions look for them. */
    otherNames: Type.Optional(Type.Array(Text, { maxItems: MOST_NAMES })),
  },
  { additionalProperties: false },
);
export type CertificateInstance = Static<typeof CertificateInstance>;

const keyBits = Type.Optional(Type.Union([Type.Literal(2048), Type.Literal(3072), Type.Literal(4096)]));
const instances = Type.Array(CertificateInstance, { minItems: 1, maxItems: 1000 });
const CaName = Type.String({ minLength: 1, maxLength: 63 });

/** Certificates of a CA whose key is here, to be placed by whoever asks. */
export const IssueWish = Type.Object(
  {
    ca: CaName,
    purpose: Type.Enum([...issuedPurposes]),
    /** A duration, like `90d`; absent: 365 days. */
    validity: Type.Optional(Text),
    keyBits,
    instances,
  },
  { additionalProperties: false },
);
export type IssueWish = Static<typeof IssueWish>;

export const certificateFormats = ['p12', 'pem'] as const;

/** In which form a certificate and its key are answered. */
export const FileForm = Type.Object(
  {
    format: Type.Enum([...certificateFormats]),
    /** PKCS#12 as old Java reads it: SHA-1 and 3DES. */
    legacyEncryption: Type.Optional(Type.Literal(true)),
    /** Encrypts the key of a PEM pair; one of PKCS#12 always is. */
    encryptKey: Type.Optional(Type.Literal(true)),
    /** Of the PKCS#12 file or the encrypted key; absent: a new one for each, which is answered. */
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  },
  { additionalProperties: false },
);
export type FileForm = Static<typeof FileForm>;

export const IssueRequest = Type.Object(
  { ...IssueWish.properties, ...FileForm.properties },
  { additionalProperties: false },
);
export type IssueRequest = Static<typeof IssueRequest>;

/** What an issue would come to; nothing is made for it. */
export const IssuePreview = Type.Object({
  /** The end of all of them, ISO 8601. */
  notAfter: Type.String(),
  /** Whether the end of the CA cuts the validity that was asked for. */
  shortened: Type.Boolean(),
});
export type IssuePreview = Static<typeof IssuePreview>;

/** The files of one certificate. */
export const CertificateFiles = Type.Object({
  name: Type.String(),
  ...CertificateFacts.properties,
  files: Type.Array(
    Type.Object({
      name: Type.String(),
      /** Base64. */
      content: Type.String(),
      /** Holds a key or a password. */
      secret: Type.Boolean(),
    }),
  ),
});
export type CertificateFiles = Static<typeof CertificateFiles>;
