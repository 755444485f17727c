import { X509Certificate } from 'node:crypto';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { buildCertificate, validity } from './certificate-builder.ts';
import { generateRsaKeyPair, parsePrivateKey, parseRsaPrivateKey, type RsaBits } from './keys.ts';
import { type NameConstraints, nameConstraintsExtension } from './names/name-constraints.ts';

export interface CertificateAuthority {
  readonly certificatePem: string;
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
}

export interface CaWish {
  readonly commonName: string;
  readonly organization?: string;
  readonly validityDays: number;
  readonly keyBits: RsaBits;
  readonly now: Date;
  /** How many CAs may stand between this one and an end certificate; left out: any number. */
  readonly pathLength?: number;
  /** Which names it may certify; left out: any. */
  readonly nameConstraints?: NameConstraints;
}

/** A self-signed CA certificate for a key that exists already. */
export const selfSignCa = (
  wish: Omit<CaWish, 'keyBits'>,
  keys: { privateKeyPem: string; publicKeyPem: string },
): string =>
  buildCertificate({
    publicKeyPem: keys.publicKeyPem,
    subject: {
      commonName: wish.commonName,
      ...(wish.organization === undefined ? {} : { organization: wish.organization }),
    },
    ...validity(wish.now, wish.validityDays * DAY_MS),
    extensions: [
      {
        name: 'basicConstraints',
        critical: true,
        cA: true,
        ...(wish.pathLength === undefined ? {} : { pathLenConstraint: wish.pathLength }),
      },
      { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
      { name: 'subjectKeyIdentifier' },
      ...nameConstraintsExtension(wish.nameConstraints ?? { permitted: [], excluded: [] }),
    ],
    signingKey: parseRsaPrivateKey(keys.privateKeyPem),
  });

/** Makes a key pair and a self-signed CA certificate over it (RFC 5280, section 4.2: CA:TRUE, keyCertSign, cRLSign, subject key identifier). */
export const createCa = async (wish: CaWish): Promise<CertificateAuthority> => {
  const keys = await generateRsaKeyPair(wish.keyBits);
  return { certificatePem: selfSignCa(wish, keys), privateKeyPem: keys.privateKeyPem };
};

/** Whether the private key belongs to the certificate. */
export const keyMatches = (certificatePem: string, privateKeyPem: string): boolean =>
  new X509Certificate(certificatePem).checkPrivateKey(parseRsaPrivateKey(privateKeyPem));

/** The same of keys of any kind. */
export const isKeyOf = (privateKeyPem: string, certificatePem: string): boolean =>
  new X509Certificate(certificatePem).checkPrivateKey(parsePrivateKey(privateKeyPem));
