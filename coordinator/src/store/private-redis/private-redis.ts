import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { claimDirectory } from './private-redis-claim.ts';
import { explainDeath, openRedisLog } from './private-redis-log.ts';
import { identify } from './private-redis-process.ts';
import { askRedis, SOCKET_FILE, socketPathIn } from './private-redis-socket.ts';
import { type Life, PID_FILE, type PrivateRedisLogger, Supervisor } from './private-redis-supervisor.ts';

export type { PrivateRedisLogger };

/** An empty Redis answers some 20 ms after its start. */
const POLL_MS = 10;
const SILENT_LIMIT_MS = 30_000;
const LOADING_NOTE_MS = 5000;

export interface PrivateRedis {
  /** Options for ioredis; good within this process until `stop`, across restarts of Redis. */
  readonly options: { readonly path: string };
  /** Whether it was running already, left by a coordinator that was killed. */
  readonly adopted: boolean;
  /** The process id of the Redis that runs now; null while it is being restarted. */
  pid(): number | null;
  /** Called whenever Redis died and is ready again. */
  onRestart(listener: () => void): void;
  /** Shuts Redis down, waits until its process is gone and gives the data directory back; the second call waits for the first. */
  stop(): Promise<void>;
}

/**
 * Starts a `redis-server` of the coordinator's own in `DIRECTORY/redis`, or adopts the one that a killed coordinator left there, and keeps it running.
 * A write is on disk before it is answered (`appendfsync always`), nothing is ever evicted, and only this user reaches its Unix socket.
 *
 * Redis stays in the coordinator's process group, with its output in a file: it survives a kill of the coordinator alone, and goes with the group.
 * Throws `data-directory` when another coordinator uses the directory, and `store-unavailable` when Redis is not installed or does not come up.
 */
export const startPrivateRedis = async (options: {
  readonly directory: string;
  readonly log: PrivateRedisLogger;
}): Promise<PrivateRedis> => {
  const directory = await prepare(join(options.directory, 'redis'));
  const release = await claimDirectory(directory);
  const socket = await socketPathIn(directory);
  const setting: Setting = { directory, socket: socket.path, log: options.log };
  const supervisor = new Supervisor({ ...setting, launch: (signal) => launch(setting, signal) });
  const end = async (): Promise<void> => {
    await supervisor.stop();
    await socket.close();
    await release();
  };
  let ending: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    ending ??= end();
    return ending;
  };
  try {
    const { adopted } = await supervisor.begin();
    return {
      options: { path: socket.path },
      adopted,
      pid: () => supervisor.pid,
      onRestart: (listener) => supervisor.listeners.add(listener),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

const prepare = async (path: string): Promise<string> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return await realpath(path);
  } catch (error) {
    throw new RemoraError('data-directory', `${path} cannot be created for the private Redis: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};

interface Setting {
  readonly directory: string;
  readonly socket: string;
  readonly log: PrivateRedisLogger;
}

/** Paths are relative to the working directory, whose own path may be too long for a socket. */
const ARGUMENTS = [
  ...[
    '--port',
    '0',
    '--unixsocket',
    SOCKET_FILE,
    '--unixsocketperm',
    '700',
    '--pidfile',
    PID_FILE,
    '--daemonize',
    'no',
  ],
  ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
  ...['--maxmemory', '0', '--maxmemory-policy', 'noeviction'],
];

const launch = async (setting: Setting, signal: AbortSignal): Promise<Life> => {
  const { child, gone } = await spawnRedis(setting.directory);
  const pid = child.pid ?? 0;
  const identity = await identify(pid);
  const outcome = identity === null ? 'ended' : await untilReady(setting, { pid, gone, signal });
  if (identity !== null && outcome === 'ready') return { identity, gone };
  if (outcome !== 'ended') child.kill(outcome === 'stopped' ? 'SIGTERM' : 'SIGKILL');
  const how = await gone;
  const { why } = await explainDeath(setting.directory, pid);
  throw new RemoraError(
    'store-unavailable',
    `The private Redis in ${setting.directory} did not come up (${outcome}, ${how}): ${why}.`,
    {
      hint: `Mend what its log ${join(setting.directory, 'redis.log')} says, or use a Redis of your own with --redis-url.`,
    },
  );
};

const spawnRedis = async (directory: string): Promise<{ child: ChildProcess; gone: Promise<string> }> => {
  const output = await openRedisLog(directory);
  try {
    const child = spawn('redis-server', ARGUMENTS, {
      cwd: directory,
      // Nothing of the coordinator's environment is Redis' business.
      env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', output.fd, output.fd],
    });
    const gone = new Promise<string>((resolve) => {
      child.once('exit', (code, name) => resolve(name ?? `exit code ${code}`));
    });
    await once(child, 'spawn');
    return { child, gone };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RemoraError(
      'store-unavailable',
      missing
        ? 'redis-server is not installed or not in PATH, so the private Redis cannot be started.'
        : `redis-server cannot be started: ${messageOf(error)}.`,
      {
        hint: 'Install it (on Debian and Ubuntu `apt-get install redis-server`), or use a Redis of your own with --redis-url.',
        cause: error,
      },
    );
  } finally {
    await output.close();
  }
};

type Outcome = 'ready' | 'ended' | 'stopped' | 'silent';

/** Loading a large append-only file may take minutes, and is said; giving no answer at all has a limit. */
const untilReady = async (
  { directory, socket, log }: Setting,
  { pid, gone, signal }: { readonly pid: number; readonly gone: Promise<string>; readonly signal: AbortSignal },
): Promise<Outcome> => {
  let ended = false;
  void gone.then(() => {
    ended = true;
  });
  let heard = performance.now();
  let noted = heard;
  while (!ended) {
    if (signal.aborted) return 'stopped';
    const answer = await askRedis(socket);
    const now = performance.now();
    if (answer.state === 'ready' && answer.pid === pid) return 'ready';
    if (answer.state === 'loading') heard = now;
    if (now - heard > SILENT_LIMIT_MS) return 'silent';
    if (now - noted > LOADING_NOTE_MS) {
      noted = now;
      log.info(
        { pid },
        `The private Redis in ${directory} is still ${answer.state === 'loading' ? 'loading its data' : 'starting'}.`,
      );
    }
    await sleep(POLL_MS);
  }
  return 'ended';
};
