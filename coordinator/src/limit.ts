/** How long something may take, by a clock that nobody sets: what the wall clock says may jump by hours. */
export interface Limit {
  readonly isOver: () => boolean;
  /** Since the limit was set, in ms. */
  readonly passedMs: () => number;
}

export const limitOf = (ms: number): Limit => {
  const began = performance.now();
  const passedMs = (): number => performance.now() - began;
  return { passedMs, isOver: () => passedMs() > ms };
};
