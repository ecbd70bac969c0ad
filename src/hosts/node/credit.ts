/** Chunks that a stream may send: backpressure from the client through the server to the model. */
export class Credit {
  #left: number;
  #wake: (() => void) | undefined;

  constructor(chunks: number) {
    this.#left = chunks;
  }

  add(chunks: number): void {
    this.#left += chunks;
    this.#wake?.();
  }

  /** Takes one when there is one. @throws the signal's reason when the call is cancelled meanwhile */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#left <= 0) {
      await new Promise<void>((resolve, reject) => {
        const cancel = (): void => reject(signal.reason);
        this.#wake = () => {
          signal.removeEventListener("abort", cancel);
          resolve();
        };
        signal.addEventListener("abort", cancel, { once: true });
      });
    }
    this.#left--;
  }
}
