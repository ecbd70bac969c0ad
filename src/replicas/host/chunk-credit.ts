import { whenAborted } from "../../core/when-aborted.ts";

/** Chunks that may be sent to a host which has asked for them. */
export class ChunkCredit {
  #chunks: number;
  #wake: (() => void) | undefined;

  constructor(chunks: number) {
    this.#chunks = chunks;
  }

  add(chunks: number): void {
    this.#chunks += chunks;
    this.#wake?.();
  }

  /** Settles when one more may be sent; for one caller at a time. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<void> {
    while (this.#chunks <= 0) {
      signal.throwIfAborted();
      let forget: (() => void) | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        forget = whenAborted(signal, resolve);
      });
      forget?.();
    }
    this.#chunks--;
  }
}
