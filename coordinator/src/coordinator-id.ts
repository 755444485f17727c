import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { CoordinatorConfig } from './config.ts';
import { createDurably, readIfPresent } from './secrets/durable-file.ts';

/**
 * Under which name a coordinator holds agents' sessions: the same after a restart, so that it forgets at once those that died with the process before, and
 * unique among those that live. `DIR/coordinator-id` is made at the first start; coordinators on one shared or copied data directory still differ by host
 * and listening address. Throws `data-directory`.
 */
export const openCoordinatorId = async ({
  dataDir,
  listen,
}: Pick<CoordinatorConfig, 'dataDir' | 'listen'>): Promise<string> => {
  const path = join(dataDir, 'coordinator-id');
  if ((await readIfPresent(path)) === null) await createDurably(path, `${randomUUID()}\n`, 0o644);
  const id = (await readIfPresent(path))?.trim() ?? '';
  return `${id}@${hostname()}/${listen.host}:${listen.port}`;
};
