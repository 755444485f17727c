import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = join(import.meta.dirname, 'coordinator-process.ts');

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly runId?: string;
  readonly [more: string]: unknown;
}

/** A coordinator in a process of its own. */
export interface TestCoordinator {
  readonly pid: number;
  readonly log: readonly LogLine[];
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
}

/** `main` is what the process runs, a program that says `ready`. */
export const startCoordinator = async (path: string, file: string, main = MAIN): Promise<TestCoordinator> => {
  const child: ChildProcess = spawn(process.execPath, [main, path, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const log: LogLine[] = [];
  if (!child.stdout) throw new Error('the coordinator has no output');
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      const said = JSON.parse(line) as LogLine;
      log.push(said);
      if (said.message === 'ready') resolve();
    });
    exited.then((code) => reject(new Error(`a coordinator ended with ${code} before it was ready`)), reject);
  });
  await ready;
  return { pid: child.pid ?? 0, log, exited, signal: (signal) => void child.kill(signal) };
};
