import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { identify, isAlive, type ProcessIdentity } from './private-redis-process.ts';

const NAME = /^claim-(\d+)-(\d+)-([0-9a-f]+)$/;
const ATTEMPTS = 10;

const fileOf = ({ pid, startTime, boot }: ProcessIdentity): string => `claim-${pid}-${startTime}-${boot}`;

const identityOf = (file: string): ProcessIdentity | null => {
  const [, pid, startTime, boot] = NAME.exec(file) ?? [];
  return pid && startTime && boot ? { pid: Number(pid), startTime, boot } : null;
};

/** The claims of other living processes; those of dead ones are removed, which is safe because no later process can have the same name. */
const livingOthers = async (directory: string, own: string): Promise<ProcessIdentity[]> => {
  const others: ProcessIdentity[] = [];
  for (const file of await readdir(directory)) {
    const identity = identityOf(file);
    if (identity === null || file === own) continue;
    if (await isAlive(identity)) others.push(identity);
    else await unlink(join(directory, file)).catch(() => undefined);
  }
  return others;
};

/**
 * Claims a directory for this process and answers how to give it back. Each contender first puts down a file of its own, named by its identity, and then
 * looks for others: of two at once at least one sees the other. Who sees another one withdraws and tries again after a random moment, so a claim that is held
 * always wins. A claim ends with its process, however that ends. It holds on one machine, among processes that see each other in /proc.
 * Throws `data-directory` with the other's pid.
 */
export const claimDirectory = async (directory: string): Promise<() => Promise<void>> => {
  const self = await identify(process.pid);
  if (self === null) throw new RemoraError('internal', `/proc does not know this process (${process.pid}).`);
  const own = fileOf(self);
  const release = async (): Promise<void> => {
    await unlink(join(directory, own)).catch(() => undefined);
  };
  let others: ProcessIdentity[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await put(join(directory, own));
    others = await livingOthers(directory, own);
    if (others.length === 0) return release;
    await release();
    await sleep(10 + Math.random() * 40);
  }
  const pids = others.map(({ pid }) => pid).join(', ');
  throw new RemoraError(
    'data-directory',
    `Another coordinator (pid ${pids}) uses the data directory: ${directory} is claimed.`,
    {
      hint: 'Give this one another --data-dir, or stop the other one first. Several coordinators share one Redis with --redis-url.',
    },
  );
};

const put = async (path: string): Promise<void> => {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new RemoraError(
      'data-directory',
      taken ? 'This process has opened the data directory already.' : `${path} cannot be written: ${messageOf(error)}.`,
      { cause: error },
    );
  }
};
