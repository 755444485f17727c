import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Reads of /proc (proc(5)). A process can go away, or belong to somebody else, between any two calls: then an answer is empty, never an error. */

const attempt = <T>(read: () => T, otherwise: T): T => {
  try {
    return read();
  } catch {
    return otherwise;
  }
};

export const allPids = (): number[] =>
  attempt(() => readdirSync('/proc'), [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

const statFields = (pid: number): string[] => {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  // The command stands in parentheses and may hold blanks and parentheses itself.
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** `PID:STARTTICKS`, which no other process of this boot has; null when the process is gone or a zombie. */
export const identityOf = (pid: number): string | null => {
  const [state, ...rest] = statFields(pid);
  const ticks = rest[18];
  return ticks === undefined || state === 'Z' || state === 'X' ? null : `${pid}:${ticks}`;
};

export const pidOf = (identity: string): number => Number(identity.split(':')[0]);

export const isAlive = (identity: string): boolean => identityOf(pidOf(identity)) === identity;

/** The process that started this one, or took it over; null when it is gone. */
export const parentOf = (pid: number): number | null => {
  const parent = Number(statFields(pid)[1]);
  return Number.isInteger(parent) && parent > 0 ? parent : null;
};

/** USER_HZ is 100 on every Linux architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Start of a process in ms since 1970. */
export const startedAtMs = (identity: string): number | null => {
  const bootSeconds = /^btime (\d+)$/m.exec(attempt(() => readFileSync('/proc/stat', 'utf8'), ''))?.[1];
  const ticks = identity.split(':')[1];
  return bootSeconds === undefined || ticks === undefined
    ? null
    : Number(bootSeconds) * 1000 + Math.round((Number(ticks) * 1000) / TICKS_PER_SECOND);
};

export const argumentsOf = (pid: number): string[] =>
  attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '')
    .split('\0')
    .slice(0, -1);

/** One variable of a process' environment as it was at its start; null when absent or not readable by this user. */
export const variableOf = (pid: number, name: string): string | null => {
  const entry = attempt(() => readFileSync(`/proc/${pid}/environ`, 'utf8'), '')
    .split('\0')
    .find((line) => line.startsWith(`${name}=`));
  return entry === undefined ? null : entry.slice(name.length + 1);
};

/** What a process' file descriptors point to: paths, `socket:[INODE]`, `pipe:[INODE]`. */
export const openFilesOf = (pid: number): string[] =>
  attempt(() => readdirSync(`/proc/${pid}/fd`), []).flatMap((fd) =>
    attempt(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)], []),
  );

/** Where stdout and stderr of a process go, if that can be seen. */
export const outputsOf = (pid: number): string[] =>
  [1, 2].flatMap((fd) => attempt(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)], []));

/** Living processes whose stdout or stderr is this file: a program that was started with it as its log, and what that started. */
export const writersOf = (logFile: string): number[] =>
  allPids().filter((pid) => pid !== process.pid && identityOf(pid) !== null && outputsOf(pid).includes(logFile));

/** Socket inodes that listen on a TCP port in a process' network namespace, from its net/tcp and net/tcp6 (state 0A is LISTEN). */
const listeningInodes = (pid: number | 'self', port: number): Set<string> => {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = [`/proc/${pid}/net/tcp`, `/proc/${pid}/net/tcp6`].flatMap((file) =>
    attempt(() => readFileSync(file, 'utf8'), '').split('\n'),
  );
  return new Set(
    lines
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && fields[1]?.endsWith(wanted))
      .map((fields) => `socket:[${fields[9]}]`),
  );
};

/** The processes that listen on a TCP port. */
export const listenersOn = (port: number): number[] => {
  const inodes = listeningInodes('self', port);
  if (inodes.size === 0) return [];
  return allPids().filter((pid) => openFilesOf(pid).some((file) => inodes.has(file)));
};

/** Whether a process listens on a TCP port, in its own network namespace; null when this user may not see that. */
export const listensOn = (pid: number, port: number): boolean | null => {
  const files = openFilesOf(pid);
  if (files.length === 0) return null;
  const inodes = listeningInodes(pid, port);
  return files.some((file) => inodes.has(file));
};

/** Whether a process sees the same files under the same paths as this one. */
export const sharesMounts = (pid: number): boolean =>
  attempt(() => readlinkSync(`/proc/${pid}/ns/mnt`) === readlinkSync('/proc/self/ns/mnt'), false);
