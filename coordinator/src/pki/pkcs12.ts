import { randomBytes, X509Certificate } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import forge from 'node-forge';
import { keyMatches } from './ca.ts';

export interface Pkcs12Content {
  readonly certificatePem: string;
  /** The issuers, nearest first. */
  readonly chainPem: readonly string[];
  readonly privateKeyPem: string;
  /** ASCII: Java and OpenSSL disagree on how other characters are encoded. */
  readonly password: string;
  /** The entry's alias in Java. */
  readonly friendlyName: string;
}

/** 192 random bits in 32 characters that need no quoting anywhere. */
export const newPassword = (): string => randomBytes(24).toString('base64url');

/** Shape that the library passes on to its PBES2 encoder, with a field that its type description lacks. */
interface EncodeOptions {
  readonly algorithm: 'aes256';
  readonly prfAlgorithm: 'sha256';
  readonly friendlyName: string;
}

const OPTIONS: Omit<EncodeOptions, 'friendlyName'> = { algorithm: 'aes256', prfAlgorithm: 'sha256' };

/**
 * A PKCS#12 file (RFC 7292) with one private key, encrypted with AES-256 (PBES2), and its chain. Java 8u301 and later, OpenSSL 1.1 and later read it. It has
 * no trusted entries: as a truststore Elasticsearch would refuse it. Throws `bad-input` when key and certificate do not belong together.
 */
export const toPkcs12 = (content: Pkcs12Content): Buffer => {
  if (!/^[\x20-\x7e]+$/.test(content.password)) {
    throw new RemoraError('bad-input', 'The password of a PKCS#12 file must consist of printable ASCII characters.');
  }
  const chain = [content.certificatePem, ...content.chainPem];
  const foreign = chain.map((pem) => new X509Certificate(pem)).find((one) => one.publicKey.asymmetricKeyType !== 'rsa');
  if (foreign) {
    throw new RemoraError(
      'bad-input',
      `"${foreign.subject.replaceAll('\n', ',')}" has a key that is not RSA and cannot go into a PKCS#12 file here.`,
    );
  }
  if (!keyMatches(content.certificatePem, content.privateKeyPem)) {
    throw new RemoraError('bad-input', 'The private key for the PKCS#12 file is not the one of its certificate.');
  }
  const options: EncodeOptions = { ...OPTIONS, friendlyName: content.friendlyName };
  const certificates = chain.map((pem) => forge.pki.certificateFromPem(pem));
  const key = forge.pki.privateKeyFromPem(content.privateKeyPem);
  const encoded = forge.pkcs12.toPkcs12Asn1(key, certificates, content.password, options);
  return Buffer.from(forge.asn1.toDer(encoded).getBytes(), 'latin1');
};
