/** Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"), so that a fleet does not come back in one instant. */
export interface BackOff {
  /** How long to wait before the next try, in ms. */
  next(): number;
  /** After a success. */
  reset(): void;
}

export const createBackOff = (options: { baseMs: number; capMs: number; random?: () => number }): BackOff => {
  const { baseMs, capMs, random = Math.random } = options;
  let failures = 0;
  return {
    next() {
      const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures, 30));
      failures += 1;
      return Math.round(random() * ceiling);
    },
    reset() {
      failures = 0;
    },
  };
};
