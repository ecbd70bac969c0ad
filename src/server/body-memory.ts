import { ServeError } from "../core/errors.ts";

/** Bytes of bodies, and of answers that have not been taken, that all requests under way hold. */
export class BodyMemory {
  readonly #limit: number;
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** The account of one request; released at its end. */
  open(): BodyAccount {
    return new BodyAccount(this);
  }

  /** @throws ServeError RESOURCE_EXHAUSTED */
  take(bytes: number): void {
    if (this.#held + bytes > this.#limit) {
      const message = `the bodies and answers of the requests under way would have more than ${this.#limit} bytes; try again later`;
      throw new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1, refusal: "body_memory" });
    }
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

export class BodyAccount {
  readonly #memory: BodyMemory;
  #own = 0;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  /** @throws ServeError RESOURCE_EXHAUSTED when all requests together would hold too much */
  hold(bytes: number): void {
    this.#memory.take(bytes);
    this.#own += bytes;
  }

  release(): void {
    this.#memory.give(this.#own);
    this.#own = 0;
  }
}
