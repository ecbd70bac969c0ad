import { ServeError } from "../core/errors.ts";

/** Bytes of bodies that all requests under way hold. */
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
    let own = 0;
    return {
      hold: (bytes) => {
        if (this.#held + bytes > this.#limit) {
          const message = `the bodies of the requests under way have ${this.#limit} bytes already; try again later`;
          throw new ServeError("RESOURCE_EXHAUSTED", message, { retryAfter: 1 });
        }
        this.#held += bytes;
        own += bytes;
      },
      release: () => {
        this.#held -= own;
        own = 0;
      },
    };
  }
}

export interface BodyAccount {
  /** @throws ServeError RESOURCE_EXHAUSTED when all requests together would hold too much */
  readonly hold: (bytes: number) => void;
  readonly release: () => void;
}
