import { readFile } from 'node:fs/promises';
import type { Welcome } from '@remora/shared/protocol/session.ts';
import type { AgentContext } from './context.ts';
import { isMissing, writePrivate } from './system/durable-file.ts';

/** Two clocks are taken to differ by no more. What is forgotten needlessly is only written once more. */
const CLOCKS_DIFFER_MS = 10 * 60_000;

const knownRestore = async (path: string): Promise<string | null> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
};

/**
 * Forgets what this agent wrote after the back-up was made that the store was restored from: the store gives the same references (`secret:NAME@VERSION`) to
 * other values from then on. Once for each restore, of which the newest known one is kept.
 */
export const settleRestores = async (
  { directory, ledger, log }: Pick<AgentContext, 'directory' | 'ledger' | 'log'>,
  restores: NonNullable<Welcome['restores']>,
): Promise<void> => {
  const newest = restores.at(-1);
  if (!newest) return;
  const known = await knownRestore(directory.restore);
  const missed = restores.slice(restores.findIndex(({ id }) => id === known) + 1);
  if (missed.length === 0) return;
  const since = Math.min(...missed.map(({ backupAtMs }) => backupAtMs)) - CLOCKS_DIFFER_MS;
  log(
    'warn',
    `the store was restored from a back-up: what was written since ${new Date(since).toISOString()} is not taken for known`,
  );
  await ledger.forgetSince(since);
  await writePrivate(directory.restore, `${newest.id}\n`);
};
