import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { clockOf } from './clock.ts';

const main = join(import.meta.dirname, '../../coordinator/src/cli/main.ts');

/** A coordinator as a process of its own, with its private Redis. */
export interface CoordinatorProcess {
  readonly child: ChildProcess;
  /** The first line on stdout; empty when it ended without one. */
  readonly firstLine: Promise<string>;
  /** Everything on stderr, once it ended. */
  readonly log: Promise<string>;
  /** What is on stderr so far. */
  logged(): string;
  /** Ends it with the signal and answers its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const killer = join(import.meta.dirname, 'killed-at.ts');

/** With a clock that is off by what the file says, where one is named; and to die at the moment that `killedAt` names (killed-at.ts). */
export const spawnCoordinator = (
  args: readonly string[],
  clockFile?: string,
  killedAt?: string,
): CoordinatorProcess => {
  const clock = clockOf(clockFile);
  const killing = killedAt === undefined ? [] : ['--import', killer];
  const child = spawn(process.execPath, [...clock.args, ...killing, main, 'coordinator', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...clock.env, KILLED_AT: killedAt },
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let logged = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    logged += text;
  });
  const lines = createInterface(child.stdout);
  const firstLine = Promise.race([once(lines, 'line').then(([line]) => String(line)), ended.then(() => '')]);
  return {
    child,
    firstLine,
    log: once(child.stderr, 'close').then(() => logged),
    logged: () => logged,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null) child.kill(signal);
      return (await ended)[0];
    },
  };
};
