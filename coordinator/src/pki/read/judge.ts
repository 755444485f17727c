import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

/** What tells whether a certificate can still be relied on. */
export interface JudgedCertificate {
  readonly certificate: X509Certificate;
  /** As people say it: `RSA 3072`, `EC prime256v1`, `ED25519`. */
  readonly key: string;
  /** As OpenSSL names it, for example `sha256WithRSAEncryption`. */
  readonly signature: string;
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex; to compare with a private key's public half. */
  readonly publicKeyDigest: string;
  /** It is signed by its own key. */
  readonly selfSigned: boolean;
  /** Why its key is too weak to be relied on: half a sentence. */
  readonly weakKey: string | null;
  /** Why its signature is; a root's says nothing, since nobody checks it. */
  readonly weakSignature: string | null;
}

/** RFC 8996 and the baseline requirements of the CA/Browser Forum: nothing below is accepted any more. */
const LEAST_RSA_BITS = 2048;
const LEAST_CURVE_BITS = 224;

const keyName = ({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): string => {
  const size = details?.modulusLength ?? details?.namedCurve;
  const type = (asymmetricKeyType ?? 'unknown').toUpperCase();
  return size === undefined ? type : `${type} ${size}`;
};

const weaknessOf = (key: KeyObject): string | null => {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength < LEAST_RSA_BITS ? `${keyName(key)} is too short` : null;
  // Every curve has the bits of its field in its name: prime192v1, secp160r1, sect163k1, brainpoolP160r1.
  const bits = Number(/\d{3}/.exec(namedCurve ?? '')?.[0] ?? LEAST_CURVE_BITS);
  return bits < LEAST_CURVE_BITS ? `${keyName(key)} is too small a curve` : null;
};

const isBrokenHash = (signature: string): boolean => /md[245]|sha-?1(?!\d)/i.test(signature);

/** `X509Certificate` says nothing of an algorithm that OpenSSL has no name for. */
const signatureName = (certificate: X509Certificate): string =>
  certificate.signatureAlgorithm ?? certificate.signatureAlgorithmOid ?? 'unknown';

/** Whether the key of `issuer` signed it; false too where OpenSSL cannot use that key. */
export const isSignedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean => {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
};

/** Null for what OpenSSL cannot read, for example a key on a curve that it does not know. */
export const judgeCertificate = (pemOrDer: string | Buffer): JudgedCertificate | null => {
  try {
    const certificate = new X509Certificate(pemOrDer);
    const { publicKey } = certificate;
    const signature = signatureName(certificate);
    const selfSigned = isSignedBy(certificate, certificate);
    return {
      ...{ certificate, signature, selfSigned },
      key: keyName(publicKey),
      publicKeyDigest: createHash('sha256')
        .update(publicKey.export({ type: 'spki', format: 'der' }))
        .digest('hex'),
      weakKey: weaknessOf(publicKey),
      weakSignature: !selfSigned && isBrokenHash(signature) ? `it is signed with ${signature}` : null,
    };
  } catch {
    return null;
  }
};
