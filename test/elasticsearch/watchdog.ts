import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Starts a process beside this one that ends the nodes in `directory` and removes it when this process dies, however it
 * dies, or when the function that is returned is called.
 */
export function watchOver(directory: string): () => Promise<void> {
  const script = join(import.meta.dirname, 'watchdog.sh');
  const child = spawn('/bin/sh', [script, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const gone = once(child, 'exit');
    child.stdin.end();
    await gone;
  };
}
