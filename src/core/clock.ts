/** Time as a dependency, so that policies and deadlines are tested without sleeping. */
export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): number;
  /** Calls back once, `delay` milliseconds from now; the returned function takes it back. */
  after(delay: number, callback: () => void): () => void;
  /** Calls back once, when the events that are already waiting in this turn of the event loop have been handled. */
  afterTurn(callback: () => void): void;
}

/** Node takes a longer one for a millisecond. Twenty-four days. */
const LONGEST_DELAY = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(delay, LONGEST_DELAY));
    return () => clearTimeout(timer);
  },
  afterTurn(callback) {
    setImmediate(callback);
  },
};
