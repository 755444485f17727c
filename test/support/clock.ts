import { join } from 'node:path';

/** Arguments of Node and environment by which a process gets a clock that is off by the milliseconds in the file (shifted-clock.ts); its own without one. */
export const clockOf = (file?: string): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } =>
  file === undefined
    ? { args: [], env: process.env }
    : {
        args: ['--import', join(import.meta.dirname, 'shifted-clock.ts')],
        env: { ...process.env, CLOCK_SHIFT_FILE: file },
      };
