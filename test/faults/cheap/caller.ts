import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { openFilesOf } from '../../../agent/src/system/process-table.ts';

/** An end of a connection over loopback as /proc/net/tcp writes it. */
const end = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;

/** Which of these processes holds the other end of this connection; null when none does. One local port may have connections to several nodes. */
export const callerOf = ({ localPort, remotePort }: Socket, pids: readonly number[]): number | null => {
  if (localPort === undefined || remotePort === undefined) return null;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((fields) => fields[1] === end(remotePort) && fields[2] === end(localPort));
  const socket = `socket:[${line?.[9]}]`;
  return pids.find((pid) => openFilesOf(pid).includes(socket)) ?? null;
};
