import { verify } from 'node:crypto';
import { parseRsaPublicKey } from './keys.ts';

export interface ProofOfPossession {
  readonly publicKeyPem: string;
  /** What was signed, `joinProof(...)` when an agent joins. */
  readonly message: string;
  /** Base64, RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2). */
  readonly signature: string;
}

/** Whether whoever sent the public key holds the private one. Throws `bad-input` when the key is not an RSA key that we would certify. */
export const verifyProofOfPossession = ({ publicKeyPem, message, signature }: ProofOfPossession): boolean =>
  verify(
    'sha256',
    Buffer.from(message, 'utf8'),
    parseRsaPublicKey(publicKeyPem, "The agent's public key"),
    Buffer.from(signature, 'base64'),
  );
