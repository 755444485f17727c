import { readFileSync } from 'node:fs';

/**
 * Preloaded into a process (`node --import`): its wall clock is off by the milliseconds that the file CLOCK_SHIFT_FILE holds at the moment, as one that was
 * set is. The monotonic clock goes on, and so does that of other processes.
 */
const shiftMs = (): number => Number(readFileSync(process.env.CLOCK_SHIFT_FILE ?? '', 'utf8'));
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(RealDate.now() + shiftMs());
    else super(...(args as [number]));
  }
  static override now(): number {
    return RealDate.now() + shiftMs();
  }
} as DateConstructor;
