export interface Semaphore {
  run<Result>(task: () => Promise<Result>): Promise<Result>;
}

/** Runs at most `limit` tasks at a time; the others wait in the order in which they came. */
export function createSemaphore(limit: number): Semaphore {
  let running = 0;
  const waiting: Array<() => void> = [];
  return {
    async run(task) {
      if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        // The place passes straight to the next one, so nobody can slip in between.
        if (next === undefined) running--;
        else next();
      }
    },
  };
}
