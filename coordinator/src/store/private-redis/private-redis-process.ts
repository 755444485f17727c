import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A process that is told apart from a later one with the same id: by when it started (field 22 of /proc/PID/stat, see proc(5)) and in which boot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
  /** The beginning of the boot's random id. */
  readonly boot: string;
}

const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);

/** State and start time of a process, or null when there is none. The name in parentheses may hold anything, so fields count from the last parenthesis. */
const statOf = async (pid: number): Promise<{ state: string; startTime: string } | null> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' };
};

/** The identity of a process that runs now; null when there is none, or only a dead one that nobody has waited for yet. */
export const identify = async (pid: number): Promise<ProcessIdentity | null> => {
  const stat = await statOf(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
  return { pid, startTime: stat.startTime, boot: await bootId() };
};

export const isAlive = async (identity: ProcessIdentity): Promise<boolean> => {
  const now = await identify(identity.pid);
  return now !== null && now.startTime === identity.startTime && now.boot === identity.boot;
};

/** The redis-server that works in `directory` according to its own pid file, whether or not it still answers. */
export const findRedisIn = async (directory: string, pidFile: string): Promise<ProcessIdentity | null> => {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return null;
  const [workingDirectory, name, identity] = await Promise.all([
    readlink(`/proc/${pid}/cwd`).catch(() => null),
    readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
    identify(pid),
  ]);
  return workingDirectory === directory && name.startsWith('redis') ? identity : null;
};

/** How often a process is looked at whose end is near. */
const ENDING_POLL_MS = 10;

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const goneWithin = async (identity: ProcessIdentity, limitMs: number): Promise<boolean> => {
  const deadline = performance.now() + limitMs;
  while (await isAlive(identity)) {
    if (performance.now() > deadline) return false;
    await sleep(ENDING_POLL_MS);
  }
  return true;
};

/** Asks a process to end and waits until it has; after the limit it is killed, which loses nothing that Redis acknowledged. */
export const endProcess = async (identity: ProcessIdentity, limitMs: number): Promise<void> => {
  if (!(await isAlive(identity))) return;
  signal(identity.pid, 'SIGTERM');
  if (await goneWithin(identity, limitMs)) return;
  signal(identity.pid, 'SIGKILL');
  await goneWithin(identity, limitMs);
};
