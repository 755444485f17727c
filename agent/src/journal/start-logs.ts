import { createHash } from 'node:crypto';
import { readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { writersOf } from '../system/process-table.ts';

/** So many of the newest are kept for people, and none for ever: a start that failed is quoted in its result. */
const KEEP_LOGS = 10;
/** A start command that stays in the foreground writes here as long as the node lives. */
const MAX_LOG_BYTES = 1024 * 1024;

/** Where what a start command says goes. Its name belongs to the transaction: whoever writes to it after a crash is this start. */
export const startLog = (logs: string, id: string, purpose: 'start' | 'undo'): string =>
  join(logs, `${purpose}-${createHash('sha256').update(id).digest('hex').slice(0, 16)}.log`);

/**
 * Keeps the start logs few and small. One that is still written to is emptied and never removed: unlinked it would go on growing where nobody sees it. To be
 * called while no start is under way, whose words may have to be quoted.
 */
export const tidyStartLogs = async (logs: string): Promise<void> => {
  const paths = (await readdir(logs)).map((name) => join(logs, name));
  const found = await Promise.all(paths.map(async (path) => ({ path, ...(await stat(path)) })));
  found.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const [index, { path, size }] of found.entries()) {
    if (index >= KEEP_LOGS && writersOf(path).length === 0) await rm(path, { force: true });
    else if (size > MAX_LOG_BYTES) await truncate(path);
  }
};
