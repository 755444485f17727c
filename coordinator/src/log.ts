import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Redactor } from './secrets/redact.ts';

export type Log = Logger;

/**
 * JSON lines on stderr, each with an ISO time. Written at once, so that the last line before a crash is not lost; values of secrets that this process
 * has read are replaced by their references.
 */
export const createLog = (
  redactor: Pick<Redactor, 'text'>,
  level: string = process.env.REMORA_LOG_LEVEL ?? 'info',
): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => redactor.text(line) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
