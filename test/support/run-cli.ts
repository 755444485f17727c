import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const main = join(import.meta.dirname, '../../coordinator/src/cli/main.ts');
/** Nobody's login may leak into a test. */
const NO_HOME = '/nonexistent';

/** Runs the CLI as a process of its own, without a terminal, as a script would. */
export const runCli = async (
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {},
): Promise<CliResult> => {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, HOME: NO_HOME, NODE_COMPILE_CACHE, ...options.env };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  child.stdin.on('error', () => undefined); // a command that reads no stdin may be gone already
  child.stdin.end(options.stdin ?? '');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
};
