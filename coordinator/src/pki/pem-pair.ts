import { RemoraError } from '@remora/shared/errors.ts';
import { isKeyOf } from './ca.ts';
import { parsePrivateKey } from './keys.ts';

export interface PemPair {
  /** The certificate, then its issuers, nearest first. */
  readonly certificate: string;
  /** PKCS#8. */
  readonly key: string;
}

/** A private key as a PEM file: PKCS#8, encrypted (PBES2 with AES-256, which Elasticsearch reads) where a passphrase is given. */
export const toPemKey = (privateKeyPem: string, passphrase: string | null): string => {
  const encryption = passphrase === null ? {} : { cipher: 'aes-256-cbc', passphrase };
  return parsePrivateKey(privateKeyPem)
    .export({ format: 'pem', type: 'pkcs8', ...encryption })
    .toString();
};

/** The key of such a file, unencrypted. Throws `bad-input` where the passphrase is another one. */
export const fromPemKey = (file: string, passphrase: string | null): string =>
  parsePrivateKey(file, 'The private key', passphrase).export({ format: 'pem', type: 'pkcs8' }).toString();

/** A certificate with its chain, and its key. Throws `bad-input` when key and certificate do not belong together. */
export const toPemPair = (content: {
  readonly certificatePem: string;
  readonly chainPem: readonly string[];
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  readonly passphrase: string | null;
}): PemPair => {
  const { certificatePem, chainPem, privateKeyPem, passphrase } = content;
  if (!isKeyOf(privateKeyPem, certificatePem))
    throw new RemoraError('bad-input', 'The private key is not the one of the certificate beside it.');
  return { certificate: [certificatePem, ...chainPem].join(''), key: toPemKey(privateKeyPem, passphrase) };
};
