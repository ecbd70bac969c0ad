import { ServeError } from "../../core/errors.ts";

const CAPACITY = 16;

/** Chunks between a host that sends them and a client that takes them; the credit sent to the host bounds it. */
export interface StreamBuffer<Chunk> extends AsyncIterable<Chunk> {
  readonly capacity: number;
  /** True when nothing more will come from the host. */
  readonly ended: boolean;
  /**
   * Ignored when the stream has ended.
   * @throws ServeError INTERNAL when the host sends more than it has credit for
   */
  push(chunk: Chunk): void;
  end(): void;
  fail(error: Error): void;
}

export function createStreamBuffer<Chunk>(): StreamBuffer<Chunk> {
  const chunks: Chunk[] = [];
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    capacity: CAPACITY,
    get ended() {
      return ended;
    },
    push(chunk) {
      if (ended) return;
      if (chunks.length >= CAPACITY) {
        throw new ServeError("INTERNAL", `the model's host process sent more than the ${CAPACITY} answers that it may send ahead`);
      }
      chunks.push(chunk);
      notify();
    },
    end() {
      ended = true;
      notify();
    },
    fail(error) {
      ended = true;
      failure ??= error;
      notify();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk !== undefined) yield chunk;
        else if (failure !== undefined) throw failure;
        else if (ended) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
