/** Many more than there can be requests at once. */
const COUNT = 2n ** 20n;

/**
 * Ids of sequences whose clients give none, which are to meet no id that a client gives: the last ones that the model can take are for them
 * alone, one after the other, and then again from the first one.
 */
export class OwnIds {
  readonly #first: bigint;
  readonly #last: bigint;
  #next: bigint;

  /** @param bits that an id may have, 31 or more */
  constructor(bits: number) {
    this.#last = 2n ** BigInt(bits) - 1n;
    this.#first = this.#last - COUNT + 1n;
    this.#next = this.#first;
  }

  /** Whether a client may not give this one, neither as a number nor as its digits, which a model may be given for it. */
  has(id: string | bigint): boolean {
    const number = typeof id === "bigint" ? id : /^[1-9]\d*$/.test(id) ? BigInt(id) : 0n;
    return number >= this.#first && number <= this.#last;
  }

  /** The next one of which no sequence is open. */
  take(isOpen: (id: bigint) => boolean): bigint {
    for (;;) {
      const id = this.#next;
      this.#next = id === this.#last ? this.#first : id + 1n;
      if (!isOpen(id)) return id;
    }
  }

  /** For messages. */
  get range(): string {
    return `${this.#first} to ${this.#last}`;
  }
}
