import { createDecipheriv, pbkdf2Sync } from 'node:crypto';
import { CODEC, flagAt, isPasswordProtected } from './header.ts';

/**
 * Entries of a keystore file, read without `elasticsearch-keystore`: of a backup, which the tool would not look at where a wrapper names its directory. The
 * format is that of Elasticsearch's KeyStoreWrapper, versions 3 to 7 (6.3 to 9.x): a Lucene header, whether it is protected, the length of what follows; salt,
 * initialisation vector and cipher text with their lengths; Lucene's footer of 16 bytes. Cipher: AES-GCM, the salt as additional data, the key by
 * PBKDF2-HMAC-SHA512 from the password, which is empty where there is none. In the plain text: their number, then name and value of each.
 */
const FOOTER_BYTES = 16;
const TAG_BYTES = 16;
const [OLDEST, NEWEST] = [3, 7];

/** Reads parts that follow each other, most with their lengths before them. */
const reader = (bytes: Buffer, littleEndian: boolean) => {
  let at = 0;
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > bytes.length) throw new Error('the keystore ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const int = (): number => (littleEndian ? take(4).readInt32LE() : take(4).readInt32BE());
  return {
    int,
    sized: () => take(int()),
    /** Java's `writeUTF`: names of settings are plain ASCII. */
    text: () => take(take(2).readUInt16BE()).toString('utf8'),
  };
};

/** The key costs more from version 6 on, and has 256 bits from version 7 on. */
const keyOf = (password: string, salt: Buffer, version: number): Buffer =>
  pbkdf2Sync(password, salt, version >= 6 ? 210_000 : 10_000, version >= 7 ? 32 : 16, 'sha512');

const decrypt = (bytes: Buffer, version: number, password: string): Buffer => {
  // Lucene 9, which came with version 5, writes its numbers the other way round.
  const parts = reader(bytes, version >= 5);
  parts.int();
  const [salt, iv, sealed] = [parts.sized(), parts.sized(), parts.sized()];
  const key = keyOf(password, salt, version);
  const cipher = createDecipheriv(key.length === 32 ? 'aes-256-gcm' : 'aes-128-gcm', key, iv);
  cipher.setAAD(salt);
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final()]);
};

/** Values by name. Throws when these bytes are no keystore, of a version that is not known, or under another password. */
export const keystoreEntries = (bytes: Buffer, password: string | undefined): Map<string, Buffer> => {
  const isProtected = isPasswordProtected(bytes);
  if (isProtected === null) throw new Error('these bytes are no keystore');
  const version = bytes.readInt32BE(5 + CODEC.length);
  if (version < OLDEST || version > NEWEST) throw new Error(`the keystore has the format version ${version}`);
  const sealed = bytes.subarray(flagAt + 1, -FOOTER_BYTES);
  const plain = reader(decrypt(sealed, version, isProtected ? (password ?? '') : ''), false);
  const entries = new Map<string, Buffer>();
  for (let left = plain.int(); left > 0; left -= 1) {
    const name = plain.text();
    // Only that version also says of what type it is.
    if (version === OLDEST) plain.text();
    entries.set(name, plain.sized());
  }
  return entries;
};
