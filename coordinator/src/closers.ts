import { messageOf } from '@remora/shared/errors.ts';
import type { Log } from './log.ts';

type Close = () => unknown;

/** What was opened, to be closed in reverse order. */
export interface Closers {
  add(what: string, close: Close): void;
  /** Closes everything, each one even when another failed; failures are logged. */
  close(): Promise<void>;
}

export const createClosers = (log: Log): Closers => {
  const opened: { readonly what: string; readonly close: Close }[] = [];
  return {
    add: (what, close) => void opened.push({ what, close }),
    async close() {
      for (const { what, close } of opened.splice(0).reverse()) {
        try {
          await close();
        } catch (error) {
          log.error({ reason: messageOf(error) }, `${what} could not be closed`);
        }
      }
    },
  };
};

/** All results, or the first failure, but only after every one has settled: then what did open is known to the closers. */
export const settled = async <T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> => {
  await Promise.allSettled(promises);
  return Promise.all(promises) as unknown as Promise<T>;
};
