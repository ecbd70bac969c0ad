/** Who waits for the end of all work. */
export class Endings {
  readonly #work: { readonly busy: boolean };
  readonly #onClosed: () => void;
  #closed: Promise<void> | undefined;
  /** Set while somebody waits for the end of all work, and after it. */
  #onIdle: (() => void) | undefined;
  #awaitingIdle: Array<() => void> = [];

  /** @param onClosed called when all has ended and nothing new comes */
  constructor(work: { readonly busy: boolean }, onClosed: () => void) {
    this.#work = work;
    this.#onClosed = onClosed;
  }

  /** Nothing new comes; settles when what is under way has ended. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#onIdle = resolve;
    });
    this.look();
    return this.#closed;
  }

  /** Settles when nothing is under way. What comes is taken all the same. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaitingIdle.push(resolve);
      this.look();
    });
  }

  /** To be called when something has ended. */
  look(): void {
    if ((this.#onIdle === undefined && this.#awaitingIdle.length === 0) || this.#work.busy) return;
    for (const resolve of this.#awaitingIdle.splice(0)) resolve();
    if (this.#onIdle === undefined) return;
    this.#onClosed();
    this.#onIdle();
  }
}
