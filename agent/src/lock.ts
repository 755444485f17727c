import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { RemoraError } from '@remora/shared/errors.ts';
import type { DataDirectory } from './data-directory.ts';
import { identityOf, isAlive } from './system/process-table.ts';

/**
 * One agent to a data directory, one agent to a node.
 *   data directory        a file `lock` with the process identity of its holder; one whose process is gone is taken over
 *   configuration         an abstract Unix socket (unix(7)) named after the directory: held by the kernel as long as the process lives, leaves nothing
 *                         behind, and is seen by agents of any user. It answers who holds it.
 */
const taken = (what: string, who: string): RemoraError =>
  new RemoraError('data-directory', `Another agent (${who}) works on ${what} already.`, {
    hint: 'Stop that agent first; one node has one agent.',
  });

const isExisting = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST';

const createLock = async (path: string): Promise<boolean> => {
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(`${identityOf(process.pid)}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    throw error;
  }
};

const lockDataDirectory = async (directory: DataDirectory): Promise<() => Promise<void>> => {
  const release = () => rm(directory.lock, { force: true });
  if (await createLock(directory.lock)) return release;
  const holder = (await readFile(directory.lock, 'utf8').catch(() => '')).trim();
  if (holder !== '' && isAlive(holder)) throw taken(directory.path, `process ${holder.split(':')[0]}`);
  // Renamed and not removed: of two agents that find the same dead lock, only one renames it.
  const stale = `${directory.lock}.stale`;
  await rename(directory.lock, stale).catch(() => undefined);
  await rm(stale, { force: true });
  if (await createLock(directory.lock)) return release;
  throw taken(directory.path, 'one that starts at this moment');
};

const ask = (address: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(address);
    let text = '';
    socket.setTimeout(2000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text = `${text}${chunk.toString('utf8')}`.slice(0, 500);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text.trim() || 'a process that does not say who it is'));
  });

const lockConfigDir = (configDir: string, who: string): Promise<() => void> => {
  const address = `\0remora-agent-${createHash('sha256').update(configDir).digest('hex').slice(0, 32)}`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(who);
  });
  return new Promise((resolve, reject) => {
    server.once('error', async (error) => {
      reject('code' in error && error.code === 'EADDRINUSE' ? taken(configDir, await ask(address)) : error);
    });
    server.listen(address, () => {
      server.unref();
      resolve(() => server.close());
    });
  });
};

/** Takes both locks; throws `data-directory` that names the holder. The answer releases them. */
export const takeLocks = async (directory: DataDirectory, configDir: string): Promise<() => Promise<void>> => {
  const releaseData = await lockDataDirectory(directory);
  try {
    const releaseConfig = await lockConfigDir(configDir, `process ${process.pid}, data directory ${directory.path}`);
    return async () => {
      releaseConfig();
      await releaseData();
    };
  } catch (error) {
    await releaseData();
    throw error;
  }
};
