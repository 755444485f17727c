/** Runs tasks one after another, in the order in which they were given; one that fails does not hold up the next. */
export type Mutex = <T>(task: () => Promise<T>) => Promise<T>;

export const createMutex = (): Mutex => {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task, task);
    last = next.catch(() => undefined);
    return next;
  };
};
