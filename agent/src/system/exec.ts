import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { finished } from 'node:stream/promises';

/** How a program ended; `code` is null when a signal ended it or it could not be started (then `stderr` says why). */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** Written to stdin, which is then closed. Secrets go here and nowhere else. */
  readonly input?: string;
  /** An open file that the program gets as its descriptor 3. */
  readonly inherit?: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Answers are names and short texts; a program that says more than this is cut off. */
const MAX_OUTPUT = 4 * 1024 * 1024;

const environment = (options: { env?: NodeJS.ProcessEnv }): NodeJS.ProcessEnv => ({ ...process.env, ...options.env });
const identityOf = ({ uid, gid }: { uid?: number; gid?: number }) => ({
  ...(uid === undefined ? {} : { uid }),
  ...(gid === undefined ? {} : { gid }),
});

/** Runs a program to its end, without a shell, and collects what it says. Never rejects: what went wrong is in the answer. */
export const run = (command: string, args: readonly string[], options: RunOptions): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      env: environment(options),
      ...identityOf(options),
      stdio: ['pipe', 'pipe', 'pipe', ...(options.inherit === undefined ? [] : [options.inherit])],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
      ...(options.signal ? { signal: options.signal } : {}),
    }) as ChildProcessWithoutNullStreams;
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let size = 0;
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT) child.kill('SIGKILL');
        else chunks[name].push(chunk);
      });
    }
    const text = (name: 'stdout' | 'stderr') => Buffer.concat(chunks[name]).toString('utf8');
    child.on('error', (error) => resolve({ code: null, stdout: text('stdout'), stderr: error.message }));
    child.on('close', (code) => resolve({ code, stdout: text('stdout'), stderr: text('stderr') }));
    // A program that ends before it has read all of its input closes the pipe: its exit code says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });

export interface DetachedOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  readonly input?: string;
  /** File that gets stdout and stderr. Who holds it open is how the program is found again after a crash of the agent. */
  readonly logFile: string;
}

export interface Detached {
  readonly pid: number | undefined;
  /** Exit code, or a sentence why there is none. */
  readonly ended: Promise<{ readonly code: number | null; readonly why: string }>;
}

/** Starts a program that outlives the agent: its own session, output to a file, nothing that ties it to this process. */
export const spawnDetached = (command: string, args: readonly string[], options: DetachedOptions): Detached => {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
  // Emptied for this start. To append, so that it can be emptied under a program that goes on writing.
  const log = openSync(options.logFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
  try {
    const child = spawn(command, args, {
      env: environment(options),
      ...identityOf(options),
      detached: true,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', log, log],
    });
    const ended = new Promise<{ code: number | null; why: string }>((resolve) => {
      child.on('error', (error) => resolve({ code: null, why: `cannot be started: ${error.message}` }));
      child.on('exit', (code, signal) =>
        resolve({ code, why: signal ? `was ended by ${signal}` : `ended with exit code ${code}` }),
      );
    });
    child.unref();
    if (child.stdin && options.input !== undefined) {
      finished(child.stdin).catch(() => undefined);
      child.stdin.end(options.input);
    }
    return { pid: child.pid, ended };
  } finally {
    closeSync(log);
  }
};
