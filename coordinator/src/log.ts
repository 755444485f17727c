import { type Logger, pino, stdTimeFunctions } from 'pino';

export type Log = Logger;

/** JSON lines on stderr, each with an ISO time. Written at once, so that the last line before a crash is not lost. */
export const createLog = (level: string = process.env.REMORA_LOG_LEVEL ?? 'info'): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
