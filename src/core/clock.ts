/** Time as a dependency, so that policies and deadlines are tested without sleeping. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): number;
  /** Calls back once, `delay` milliseconds from now; the returned function takes it back. */
  after(delay: number, callback: () => void): () => void;
  /** Calls back once, when the events that are already waiting in this turn of the event loop have been handled. */
  afterTurn(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
  afterTurn(callback) {
    setImmediate(callback);
  },
};
