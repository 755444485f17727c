import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../fake-gateway.ts';

/** A script of the cheap node, for `--start` and `--stop`; `systemd` is a directory for PATH. */
export const cheapNode = (script: string): string => join(import.meta.dirname, script);

/** Living processes of the cheap node for a configuration directory: of the node itself, or also its scripts and its launcher. */
export const processesOf = (configDir: string, program: 'node.mjs' | ''): number[] =>
  readdirSync('/proc')
    .filter((pid) => {
      try {
        return (
          /^\d+$/.test(pid) &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`cheap-node/${program}`) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`ES_PATH_CONF=${configDir}`)
        );
      } catch {
        return false;
      }
    })
    .map(Number);

/** Ends every node of a configuration directory, also one that is only just being started. */
export const endNodes = (configDir: string): Promise<boolean> =>
  until('no node is left', () => {
    const pids = processesOf(configDir, '');
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has gone by itself.
      }
    }
    return pids.length === 0;
  });
