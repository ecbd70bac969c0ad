type OnProgress = (line: string) => void;

interface Work<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  readonly listeners: Set<OnProgress>;
}

/**
 * Work that several callers may want at once is done once: all of them hear of its progress, and it is aborted only
 * when none of them waits any more. What has ended is forgotten.
 */
export class SharedWork<Result> {
  readonly #underWay = new Map<string, Work<Result>>();

  /** @throws what the work throws, or the reason of the caller's own signal */
  async run(
    key: string,
    work: (onProgress: OnProgress, signal: AbortSignal) => Promise<Result>,
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const shared = this.#underWay.get(key) ?? this.#begin(key, work);
    // Its own function, so that a caller who waits twice is told twice and leaves once.
    const listener: OnProgress = (line) => onProgress(line);
    shared.listeners.add(listener);
    const leave = (): void => {
      shared.listeners.delete(listener);
      if (shared.listeners.size > 0) return;
      this.#forget(key, shared);
      shared.controller.abort();
    };
    if (signal === undefined) return await shared.result;
    return await new Promise<Result>((resolve, reject) => {
      const onAbort = (): void => {
        leave();
        // Not before the work has ended, when nobody else wants it: what it started is gone then.
        if (!shared.controller.signal.aborted) reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      shared.result
        .then(resolve, (error: unknown) => reject(signal.aborted ? signal.reason : error))
        .finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  #begin(key: string, work: (onProgress: OnProgress, signal: AbortSignal) => Promise<Result>): Work<Result> {
    const listeners = new Set<OnProgress>();
    const controller = new AbortController();
    const say: OnProgress = (line) => {
      for (const listener of listeners) listener(line);
    };
    const shared: Work<Result> = { result: work(say, controller.signal), controller, listeners };
    this.#underWay.set(key, shared);
    const forget = (): void => this.#forget(key, shared);
    shared.result.then(forget, forget);
    return shared;
  }

  #forget(key: string, shared: Work<Result>): void {
    if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
  }
}
