import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process of the product or a server that it needs. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** SIGKILL unless said; resolves when it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP; resolves when no thread of it runs any more. */
  freeze(): Promise<void>;
  thaw(): void;
}

const FIRST_LINE_LIMIT_MS = 60_000;

/** Starts a program whose log goes to a file, and waits for a first line on stdout that begins so; an empty one: does not wait. */
export const start = async (
  command: string,
  args: readonly string[],
  options: {
    readonly logFile: string;
    readonly ready: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Called at once, before it is ready. */
    readonly onSpawn?: (pid: number) => void;
  },
): Promise<Running> => {
  const log = openSync(options.logFile, 'a');
  const env = { ...process.env, ...options.env };
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', log], env });
  closeSync(log);
  await once(child, 'spawn');
  options.onSpawn?.(child.pid ?? 0);
  const ended = once(child, 'exit');
  const running: Running = {
    pid: child.pid ?? 0,
    child,
    async end(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await ended;
    },
    async freeze() {
      child.kill('SIGSTOP');
      while (!/^State:\s+T/m.test(readFileSync(`/proc/${child.pid}/status`, 'utf8'))) await new Promise(setImmediate);
    },
    thaw: () => child.kill('SIGCONT'),
  };
  if (options.ready === '') {
    child.stdout?.resume();
    return running;
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), FIRST_LINE_LIMIT_MS);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const first = await Promise.race([once(lines, 'line').then(([line]) => String(line)), ended.then(() => '')]);
  clearTimeout(timer);
  if (first.startsWith(options.ready)) return running;
  await running.end();
  throw new Error(
    `${args.slice(0, 3).join(' ')} said "${first}" and not "${options.ready}…": ${readFileSync(options.logFile, 'utf8').slice(-1500)}`,
  );
};
