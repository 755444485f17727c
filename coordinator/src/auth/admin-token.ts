import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import { createDurably, readIfPresent } from '../secrets/durable-file.ts';

const TOKEN_BYTES = 32;

/** SHA-256 of a token: what the running coordinator keeps of it. */
export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * Reads `DIR/admin.token`, or makes it (0600, base64url) at the first start, and answers its hash. Coordinators that start at once on one directory agree
 * on one token. Throws `data-directory`.
 */
export const openAdminToken = async (dataDir: string): Promise<Buffer> => {
  const path = join(dataDir, 'admin.token');
  if ((await readIfPresent(path)) === null) {
    await createDurably(path, `${randomBytes(TOKEN_BYTES).toString('base64url')}\n`, 0o600);
  }
  const token = (await readIfPresent(path))?.trim() ?? '';
  if (token !== '') return hashToken(token);
  throw new RemoraError('data-directory', `${path} is empty, so nobody could log in.`, {
    hint: 'Remove the file; the next start makes a new token.',
  });
};
