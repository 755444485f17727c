import { RemoraError } from '@remora/shared/errors.ts';
import { keyMatches } from './ca.ts';
import { parseRsaPrivateKey } from './keys.ts';

export interface PemPair {
  /** The certificate, then its issuers, nearest first. */
  readonly certificate: string;
  /** PKCS#8. */
  readonly key: string;
}

/**
 * A certificate with its chain, and its key in PKCS#8: encrypted (PBES2 with AES-256, which Elasticsearch reads) where a passphrase is given. Throws `bad-input`
 * when key and certificate do not belong together.
 */
export const toPemPair = (content: {
  readonly certificatePem: string;
  readonly chainPem: readonly string[];
  /** PKCS#8, unencrypted. */
  readonly privateKeyPem: string;
  readonly passphrase: string | null;
}): PemPair => {
  const { certificatePem, chainPem, privateKeyPem, passphrase } = content;
  if (!keyMatches(certificatePem, privateKeyPem))
    throw new RemoraError('bad-input', 'The private key is not the one of the certificate beside it.');
  const encryption = passphrase === null ? {} : { cipher: 'aes-256-cbc', passphrase };
  const key = parseRsaPrivateKey(privateKeyPem).export({ format: 'pem', type: 'pkcs8', ...encryption });
  return { certificate: [certificatePem, ...chainPem].join(''), key: key.toString() };
};
