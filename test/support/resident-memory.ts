import { readFileSync } from 'node:fs';

/** Resident memory of a process now, in MB. Throws where there is no such process. */
export const residentMb = (pid: number): number => {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has ended`);
  return Number(kib) / 1024;
};
