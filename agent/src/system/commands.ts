import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { run, spawnDetached } from './exec.ts';
import type { ServiceManager } from './service-manager.ts';

const STOP_LIMIT_MS = 20 * 60_000;

/** Splits a command as the contract says: an argument vector, split on spaces, no shell and no quoting. */
export const splitCommand = (text: string): string[] => text.split(/\s+/).filter((part) => part !== '');

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const canBeFound = (program: string): boolean =>
  isAbsolute(program) || program.includes('/')
    ? isExecutable(program)
    : (process.env.PATH ?? '').split(delimiter).some((directory) => isExecutable(join(directory, program)));

/** A node that is started and stopped by the operator's own commands; a start command may go to the background or stay. */
export const commandService = (
  start: readonly string[],
  stop: readonly string[],
  env: NodeJS.ProcessEnv,
): ServiceManager => ({
  description: 'start and stop commands',

  async stop() {
    const [program = '', ...args] = stop;
    const ended = await run(program, args, { timeoutMs: STOP_LIMIT_MS, env });
    if (ended.code !== 0) {
      const said = `${ended.stdout}\n${ended.stderr}`.trim().split('\n').slice(-3).join(' ');
      throw new Error(`the stop command "${stop.join(' ')}" ended with ${ended.code ?? 'no exit code'}: ${said}`);
    }
  },

  start(logFile) {
    const [program = '', ...args] = start;
    const child = spawnDetached(program, args, { logFile, env });
    return {
      ended: child.ended.then(({ code, why }) => (code === 0 ? null : `the start command "${start.join(' ')}" ${why}`)),
    };
  },

  failure: async () => null,
  mainPid: async () => null,
  recentOutput: async () => '',

  async check() {
    for (const [flag, command] of [
      ['--start', start],
      ['--stop', stop],
    ] as const) {
      const program = command[0];
      if (program === undefined) return `${flag} is empty`;
      if (!canBeFound(program)) return `${flag}: there is no program "${program}" that can be executed`;
    }
    return null;
  },
});
