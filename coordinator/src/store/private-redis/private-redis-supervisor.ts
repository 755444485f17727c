import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { explainDeath } from './private-redis-log.ts';
import { endProcess, findRedisIn, identify, isAlive, type ProcessIdentity } from './private-redis-process.ts';
import { askRedis } from './private-redis-socket.ts';

export const PID_FILE = 'redis.pid';
const ADOPTED_POLL_MS = 250;
const SHUTDOWN_LIMIT_MS = 3000;
const SHORT_LIFE_MS = 10_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5000;

/** What the supervisor needs of a logger; pino's is one. */
export interface PrivateRedisLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One Redis process that answers. */
export interface Life {
  readonly identity: ProcessIdentity;
  /** Resolves when the process is gone, with how it ended (`SIGKILL`, `exit code 1`). */
  readonly gone: Promise<string>;
}

export interface SupervisorOptions {
  /** Real path, since a left Redis is recognised by its working directory. */
  readonly directory: string;
  readonly socket: string;
  readonly log: PrivateRedisLogger;
  /** Starts a Redis and answers when it is ready; ends it and throws when the signal aborts or Redis does not come up. */
  readonly launch: (signal: AbortSignal) => Promise<Life>;
}

/** Keeps exactly one Redis running between `begin` and `stop`. */
export class Supervisor {
  readonly listeners = new Set<() => void>();
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #running: Life | null = null;
  #kept: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get pid(): number | null {
    return this.#running?.identity.pid ?? null;
  }

  /** Adopts a Redis or launches one; answers whether it was adopted. From then on it is kept running. */
  async begin(): Promise<{ readonly adopted: boolean }> {
    const left = await this.#findLeft();
    const life = left === null ? await this.#options.launch(this.#stopping.signal) : this.#adopt(left);
    this.#kept = this.#keep(life);
    return { adopted: left !== null };
  }

  /** Ends the Redis that runs, or the attempt to start one, and waits for it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#running !== null) await endProcess(this.#running.identity, SHUTDOWN_LIMIT_MS);
    await this.#kept;
  }

  /** A Redis that a killed coordinator left. One that does not answer is ended: two processes on the same files would damage them. */
  async #findLeft(): Promise<ProcessIdentity | null> {
    const { directory, socket, log } = this.#options;
    const answer = await askRedis(socket);
    if (answer.state !== 'silent') {
      const identity = answer.pid === null ? null : await identify(answer.pid);
      if (identity !== null) return identity;
      throw new RemoraError(
        'data-directory',
        `A Redis (pid ${answer.pid ?? 'unknown'}) that this process cannot see answers in ${directory}: another container seems to use the data directory.`,
        { hint: 'Stop the other one, or give this coordinator another --data-dir.' },
      );
    }
    const silent = await findRedisIn(directory, join(directory, PID_FILE));
    if (silent === null) return null;
    log.warn(
      { pid: silent.pid },
      `The Redis that was left in ${directory} (pid ${silent.pid}) does not answer; it is ended and started anew.`,
    );
    await endProcess(silent, SHUTDOWN_LIMIT_MS);
    return null;
  }

  #adopt(identity: ProcessIdentity): Life {
    const { directory, log } = this.#options;
    log.info({ pid: identity.pid }, `Adopted the Redis that was left running in ${directory} (pid ${identity.pid}).`);
    // It is no child of this process, so nobody tells when it ends.
    const watch = async (): Promise<string> => {
      while (await isAlive(identity)) await sleep(ADOPTED_POLL_MS);
      return 'how is not known, it was adopted';
    };
    return { identity, gone: watch() };
  }

  async #keep(first: Life): Promise<void> {
    let failures = 0;
    for (let life: Life | null = first; life !== null; ) {
      this.#running = life;
      // `stop` may have come while this one was becoming ready, and then did not see it.
      if (this.#stopping.signal.aborted) await endProcess(life.identity, SHUTDOWN_LIMIT_MS);
      const begun = performance.now();
      const how = await life.gone;
      this.#running = null;
      if (this.#stopping.signal.aborted) return;
      await this.#report(life.identity.pid, how);
      failures = performance.now() - begun < SHORT_LIFE_MS ? failures + 1 : 0;
      life = await this.#revive(failures);
    }
  }

  async #report(pid: number, how: string): Promise<void> {
    const { directory, log } = this.#options;
    const death = await explainDeath(directory, pid);
    log.error(
      { pid, how, ...death },
      `The private Redis in ${directory} (pid ${pid}) ended unexpectedly (${how}): ${death.why}. It is started again.`,
    );
  }

  /** Starts Redis until it runs, at once after a long life and with growing pauses after short ones; null when stopped meanwhile. */
  async #revive(failuresBefore: number): Promise<Life | null> {
    const { directory, log, launch } = this.#options;
    const { signal } = this.#stopping;
    for (let failures = failuresBefore; ; failures += 1) {
      const pause = failures === 0 ? 0 : Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failures - 1));
      await sleep(pause, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return null;
      try {
        const life = await launch(signal);
        log.info(
          { pid: life.identity.pid },
          `The private Redis in ${directory} is running again (pid ${life.identity.pid}).`,
        );
        for (const listener of this.listeners) listener();
        return life;
      } catch (error) {
        if (signal.aborted) return null;
        log.error({ failures }, `The private Redis cannot be started again: ${messageOf(error)}`);
      }
    }
  }
}
