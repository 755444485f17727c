import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { RemoraError } from '@remora/shared/errors.ts';
import { createDurably, readPrivateIfPresent } from './durable-file.ts';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'sealed1';

/** Seals values with AES-256-GCM (NIST SP 800-38D) under a key that never goes to Redis. */
export interface Sealer {
  /** Names the key without telling it: the store keeps it, and a coordinator that holds another key is refused. */
  readonly keyId: string;
  /**
   * Answers `sealed1.KEYID.BASE64URL`, where the last part is nonce, ciphertext and tag. The context is bound to it: what was sealed for one place
   * cannot be opened as another.
   */
  seal(plaintext: Buffer | string, context: string): string;
  /** Throws `data-directory` when it was sealed with another key, and `internal` when it was altered or belongs to another context. */
  open(sealed: string, context: string): Buffer;
}

const keyIdOf = (key: Buffer): string =>
  Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'remora key id', 6)).toString('hex');

/** A sealer over 32 bytes of key. */
export const createSealer = (key: Buffer): Sealer => {
  const keyId = keyIdOf(key);
  return {
    keyId,
    seal(plaintext, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(context, 'utf8'));
      const body = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${keyId}.${body.toString('base64url')}`;
    },
    open(sealed, context) {
      const [version, sealedBy, text, ...rest] = sealed.split('.');
      const body = Buffer.from(text ?? '', 'base64url');
      if (version !== VERSION || rest.length > 0 || body.length < NONCE_BYTES + TAG_BYTES) {
        throw new RemoraError('internal', `What is stored as ${context} is not a sealed value of this release.`);
      }
      if (sealedBy !== keyId) {
        throw new RemoraError(
          'data-directory',
          `${context} cannot be opened: the sealing key in use (${keyId}) is not the one it was sealed with (${sealedBy}).`,
          { hint: 'Start the coordinator with the sealing key that belongs to this store (--sealing-key FILE).' },
        );
      }
      const decipher = createDecipheriv(ALGORITHM, key, body.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context, 'utf8')).setAuthTag(body.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (error) {
        throw new RemoraError(
          'internal',
          `${context} cannot be opened: what is stored was altered or belongs elsewhere.`,
          {
            hint: 'Restore the store from a backup, or set the secret again.',
            cause: error,
          },
        );
      }
    },
  };
};

const decodeKey = (path: string, text: string): Buffer => {
  const line = text.trim();
  const key = Buffer.from(line, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(line) || key.length !== KEY_BYTES) {
    throw new RemoraError(
      'data-directory',
      `${path} is not a sealing key: it must be one line of base64 that holds ${KEY_BYTES} bytes.`,
      { hint: 'Restore it from a backup; `openssl rand -base64 32` makes a new one for an empty store only.' },
    );
  }
  return key;
};

/**
 * Opens the sealing key in `path`: 32 random bytes as one line of base64, mode 0600. With `create`, a missing file is made first; two coordinators that
 * start at once end up with the same key. Throws `data-directory` that names the file and what to do.
 */
export const openSealingKey = async (path: string, options: { readonly create: boolean }): Promise<Sealer> => {
  if (options.create && (await readPrivateIfPresent(path)) === null) {
    await createDurably(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`, 0o600);
  }
  const text = await readPrivateIfPresent(path);
  if (text === null) {
    throw new RemoraError(
      'data-directory',
      `The sealing key ${path} does not exist, and without it no secret of this store can be opened.`,
      {
        hint: 'Restore the file from a backup or name the right one with --sealing-key.',
      },
    );
  }
  return createSealer(decodeKey(path, text));
};
