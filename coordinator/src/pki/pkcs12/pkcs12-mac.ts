import { hash } from 'node:crypto';

/** Block length of SHA-1 and SHA-256 in bytes. */
const BLOCK = 64;
/** Says that the derived bytes are the key of a MAC (RFC 7292, appendix B.3). */
const FOR_MAC = 3;

/** Repeated to whole blocks. */
const filled = (bytes: Buffer): Buffer => Buffer.alloc(Math.ceil(bytes.length / BLOCK) * BLOCK, bytes);

/**
 * The key of a PKCS#12 file's MAC (RFC 7292, appendix B.2), as long as the digest, so that one round of the derivation is all of it. The password has to be
 * ASCII and not empty.
 */
export const macKey = (parts: {
  readonly digest: 'sha1' | 'sha256';
  readonly password: string;
  readonly salt: Buffer;
  readonly iterations: number;
}): Buffer => {
  // UTF-16 with the high byte first and a zero at the end.
  const password = Buffer.from(`${parts.password}\0`, 'utf16le').swap16();
  const purpose = Buffer.alloc(BLOCK, FOR_MAC);
  let key = hash(parts.digest, Buffer.concat([purpose, filled(parts.salt), filled(password)]), 'buffer');
  for (let done = 1; done < parts.iterations; done += 1) key = hash(parts.digest, key, 'buffer');
  return key;
};
