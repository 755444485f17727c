import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

/**
 * Preloaded into a process (`node --import`): it dies by SIGKILL right before (`before:NAME`) or right after (`after:NAME`) the file NAME is renamed into place,
 * as KILLED_AT says.
 */
const [when, name] = (process.env.KILLED_AT ?? '').split(':');
const { rename } = fs.promises;

fs.promises.rename = async (from, to) => {
  const isIt = basename(String(to)) === name;
  if (isIt && when === 'before') process.kill(process.pid, 'SIGKILL');
  await rename(from, to);
  if (isIt && when === 'after') process.kill(process.pid, 'SIGKILL');
};
syncBuiltinESMExports();
