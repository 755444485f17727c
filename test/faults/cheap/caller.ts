import { readFileSync } from 'node:fs';
import { openFilesOf } from '../../../agent/src/system/process-table.ts';

/** Which of these processes holds the other end of a connection from this port; null when none does. */
export const callerOf = (port: number | undefined, pids: readonly number[]): number | null => {
  if (port === undefined) return null;
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((fields) => fields[1] === local);
  const socket = `socket:[${line?.[9]}]`;
  return pids.find((pid) => openFilesOf(pid).includes(socket)) ?? null;
};
