import { ReplicaLostError } from "../../core/replica.ts";

/** Calls and streams of one replica, so that all of them end when their server does. */
export class CallsUnderWay {
  readonly #ends = new Set<(reason: Error) => void>();
  #onIdle = (): void => undefined;
  #lost: ReplicaLostError | undefined;

  /** From now on, and for those under way; one that was alone may be why. */
  lose(message: string): void {
    if (this.#lost !== undefined) return;
    const ends = [...this.#ends];
    const lost = new ReplicaLostError(message, ends.length === 1);
    // A call that comes later was not in there.
    this.#lost = new ReplicaLostError(message);
    for (const end of ends) end(lost);
  }

  /** @throws ReplicaLostError */
  assertThere(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** `end` is called when the server is lost before the returned function has been. */
  begin(end: (reason: Error) => void): () => void {
    this.#ends.add(end);
    return () => {
      this.#ends.delete(end);
      if (this.#ends.size === 0) this.#onIdle();
    };
  }

  /** Settles when none is under way. */
  async idle(): Promise<void> {
    if (this.#ends.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
