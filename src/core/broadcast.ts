/**
 * One writer, many readers, each at its own pace. A reader that falls behind by more than `limit` values is ended: it can
 * begin again and see what there is.
 */
export class Broadcast<Value> {
  readonly #limit: number;
  readonly #readers = new Set<Reader<Value>>();
  #closed = false;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  publish(value: Value): void {
    for (const reader of this.#readers) {
      if (!reader.isWanted(value)) continue;
      if (reader.waiting.length < this.#limit) reader.push(value);
      else this.#end(reader);
    }
  }

  /** Wanted values from this call on, after `first`; ends with the signal, or when the broadcast is closed. */
  subscribe(signal: AbortSignal, isWanted: (value: Value) => boolean = () => true, first: readonly Value[] = []): AsyncIterable<Value> {
    const reader = new Reader<Value>(first.filter(isWanted), isWanted);
    if (this.#closed || signal.aborted) reader.end();
    else {
      this.#readers.add(reader);
      signal.addEventListener("abort", () => this.#end(reader), { once: true });
    }
    return this.#read(reader);
  }

  /** Ends all readers, after what they have not read yet. */
  close(): void {
    this.#closed = true;
    for (const reader of this.#readers) this.#end(reader);
  }

  #end(reader: Reader<Value>): void {
    this.#readers.delete(reader);
    reader.end();
  }

  async *#read(reader: Reader<Value>): AsyncGenerator<Value, void, undefined> {
    try {
      for (;;) {
        while (reader.waiting.length > 0) yield reader.waiting.shift() as Value;
        if (reader.ended) return;
        await reader.more();
      }
    } finally {
      this.#readers.delete(reader);
    }
  }
}

class Reader<Value> {
  readonly waiting: Value[];
  readonly isWanted: (value: Value) => boolean;
  ended = false;
  #wake: (() => void) | undefined;

  constructor(waiting: Value[], isWanted: (value: Value) => boolean) {
    this.waiting = waiting;
    this.isWanted = isWanted;
  }

  push(value: Value): void {
    this.waiting.push(value);
    this.#wake?.();
  }

  end(): void {
    this.ended = true;
    this.#wake?.();
  }

  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
