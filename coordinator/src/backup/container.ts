import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

/**
 * The file of a back-up: a line of JSON that anybody may read, then lines of text, compressed and sealed with AES-256-GCM (NIST SP 800-38D) under a key
 * that scrypt (RFC 7914) makes of a passphrase, then the tag of 16 bytes. The first line is bound to the rest.
 */
const FORMAT = 1;
const ALGORITHM = 'aes-256-gcm';
const TAG_BYTES = 16;
const LONGEST_HEADER = 4096;
/** 64 MB and about a tenth of a second. */
const SCRYPT = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 } as const;

/** What a back-up says of itself to anybody. */
export interface BackupHeader {
  readonly remora: 'backup';
  readonly format: number;
  /** Of the release that made it. */
  readonly version: string;
  /** Of the layout of the store. */
  readonly schemaVersion: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly storeId: string;
  /** Base64. */
  readonly salt: string;
  readonly nonce: string;
}

const keyOf = (passphrase: string, { salt }: Pick<BackupHeader, 'salt'>): Buffer =>
  scryptSync(passphrase.normalize('NFC'), Buffer.from(salt, 'base64'), 32, SCRYPT);

const refused = (path: string, why: string, cause?: unknown): RemoraError =>
  new RemoraError('bad-input', `${path} ${why}.`, { hint: 'Nothing was restored.', cause });

/** Writes a back-up durably with mode 0600. Throws `bad-input` when the file is there already or cannot be written; half a file never stays. */
export const writeBackup = async (
  path: string,
  passphrase: string,
  about: Pick<BackupHeader, 'version' | 'schemaVersion' | 'createdAt' | 'storeId'>,
  lines: AsyncIterable<string>,
): Promise<void> => {
  const [salt, nonce] = [randomBytes(16), randomBytes(12)].map((bytes) => bytes.toString('base64')) as [string, string];
  const header: BackupHeader = { remora: 'backup', format: FORMAT, ...about, salt, nonce };
  const first = Buffer.from(`${JSON.stringify(header)}\n`);
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw new RemoraError('bad-input', `--out ${path} cannot be written: ${messageOf(error)}.`, {
      hint: 'Name a file that is not there yet, in a directory where you may write.',
    });
  });
  try {
    const cipher = createCipheriv(ALGORITHM, keyOf(passphrase, header), Buffer.from(nonce, 'base64')).setAAD(first);
    await file.writeFile(first);
    await pipeline(Readable.from(lines), createGzip({ level: 3 }), cipher, async (sealed: AsyncIterable<Buffer>) => {
      for await (const chunk of sealed) await file.appendFile(chunk);
    });
    await file.appendFile(cipher.getAuthTag());
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof RemoraError) throw error;
    throw new RemoraError('data-directory', `The back-up could not be written to ${path}: ${messageOf(error)}.`, {
      hint: 'Nothing is left of it. Mend what the message names and try again.',
      cause: error,
    });
  } finally {
    await file.close();
  }
};

const readHeader = async (path: string): Promise<{ header: BackupHeader; first: Buffer; size: number }> => {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw refused(path, `cannot be read: ${messageOf(error)}`);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0);
    const end = buffer.subarray(0, bytesRead).indexOf('\n');
    const first = buffer.subarray(0, end + 1);
    const header = JSON.parse(first.toString()) as BackupHeader;
    if (header.remora !== 'backup') throw new Error('it begins otherwise');
    return { header, first, size: (await file.stat()).size };
  } catch (error) {
    throw refused(path, 'is not a back-up of Remora', error);
  } finally {
    await file.close();
  }
};

export interface OpenedBackup {
  readonly header: BackupHeader;
  lines(): AsyncIterable<string>;
}

/**
 * Opens a back-up and checks it from its first byte to its last, so that nothing is restored from one that is damaged. Throws `bad-input` for one that is of a
 * newer release, cut off, altered, or sealed with another passphrase.
 */
export const openBackup = async (path: string, passphrase: string, schemaVersion: number): Promise<OpenedBackup> => {
  const { header, first, size } = await readHeader(path);
  if (header.format > FORMAT || header.schemaVersion > schemaVersion) {
    throw refused(
      path,
      `was made by Remora ${header.version}, which is newer than this one: restore it with that release`,
    );
  }
  const tagAt = size - TAG_BYTES;
  if (tagAt <= first.length) throw refused(path, 'is cut off');
  const key = keyOf(passphrase, header);
  const tag = await readAt(path, tagAt);
  const decrypted = () => {
    const decipher = createDecipheriv(ALGORITHM, key, Buffer.from(header.nonce, 'base64'), {
      authTagLength: TAG_BYTES,
    });
    return [
      createReadStream(path, { start: first.length, end: tagAt - 1 }),
      decipher.setAAD(first).setAuthTag(tag),
    ] as const;
  };
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  await pipeline(...decrypted(), nowhere).catch((error: unknown) => {
    throw refused(path, 'cannot be opened: the passphrase is another one, or the file was altered or cut off', error);
  });
  return {
    header,
    lines() {
      const [source, decipher] = decrypted();
      const text = createGunzip();
      pipeline(source, decipher, text).catch((error: unknown) => text.destroy(error as Error));
      return createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY });
    },
  };
};

const readAt = async (path: string, position: number): Promise<Buffer> => {
  const file = await open(path, 'r');
  try {
    return (await file.read(Buffer.alloc(TAG_BYTES), 0, TAG_BYTES, position)).buffer;
  } finally {
    await file.close();
  }
};
