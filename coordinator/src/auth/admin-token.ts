import { createHash, randomBytes } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

const FILE = 'admin.token';

/** SHA-256 of a token: what the running coordinator keeps of it. */
export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * Reads `DIR/admin.token`, or makes it (0600, 256 bits, base64url) at the first start, and answers its hash. Coordinators that start at once on one
 * directory agree on one token: the finished file is linked into place, which fails when there is one already.
 */
export const loadAdminToken = async (dataDir: string): Promise<Buffer> => {
  const path = join(dataDir, FILE);
  const existing = await readToken(path);
  if (existing !== null) return hashToken(existing);
  await createToken(path);
  const token = await readToken(path);
  if (token === null) throw new RemoraError('data-directory', `${path} vanished while the coordinator started.`);
  return hashToken(token);
};

const readToken = async (path: string): Promise<string | null> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new RemoraError('data-directory', `${path} cannot be read: ${error.message}.`, { cause: error });
  });
  if (text !== null && text.trim() === '') {
    throw new RemoraError('data-directory', `${path} is empty, so nobody could log in.`, {
      hint: 'Remove the file; the next start makes a new token.',
    });
  }
  return text === null ? null : text.trim();
};

const createToken = async (path: string): Promise<void> => {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } catch (error) {
    throw new RemoraError('data-directory', `${path} cannot be written: ${messageOf(error)}.`, { cause: error });
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
};
