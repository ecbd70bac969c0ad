import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";

export interface FutureLimits {
  /** Futures that there may be, of all principals and of one. */
  readonly most: number;
  readonly mostOfOne: number;
  /** Bytes of answers that wait for somebody to ask for them. */
  readonly bytes: number;
  /** Milliseconds for which an answer is kept. */
  readonly keepMs: number;
}

const FUTURE_LIMITS: FutureLimits = { most: 4096, mostOfOne: 1024, bytes: 256 * 1024 * 1024, keepMs: 300_000 };

type Outcome = { readonly reply: HttpReply } | { readonly error: ServeError };

interface Future {
  readonly principal: string;
  readonly target: Target;
  readonly context: RequestContext;
  /** Never rejects. */
  readonly settled: Promise<void>;
  outcome: Outcome | undefined;
  bytes: number;
  forgotten: boolean;
  forget: () => void;
}

/** Requests whose answers are asked for later, by whoever sent them. What they hold is bounded in number, bytes and time. */
export class Futures {
  readonly #clock: Clock;
  readonly #limits: FutureLimits;
  readonly #futures = new Map<string, Future>();
  readonly #counts = new Map<string, number>();
  #bytes = 0;

  constructor(clock: Clock, limits: FutureLimits = FUTURE_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#futures.size;
  }

  /** To be called before a body is read. @throws ServeError RESOURCE_EXHAUSTED */
  assertRoom(principal: string): void {
    const { most, mostOfOne, bytes } = this.#limits;
    if (this.#futures.size >= most) throw full(`there are ${most} futures`);
    if ((this.#counts.get(principal) ?? 0) >= mostOfOne) throw full(`you have ${mostOfOne} futures`);
    if (this.#bytes >= bytes) throw full(`the answers that nobody has fetched have ${this.#bytes} bytes`);
  }

  /**
   * Keeps the outcome of the work; returns the future's id.
   * @throws ServeError RESOURCE_EXHAUSTED, or why the request was refused at once
   */
  async add(target: Target, context: RequestContext, work: () => Promise<HttpReply>): Promise<string> {
    const { principal } = context;
    this.assertRoom(principal);
    const settled = work().then(
      (reply) => this.#settle(future, { reply }),
      (thrown: unknown) => this.#settle(future, { error: ServeError.from(thrown) }),
    );
    const future: Future = { principal, target, context, settled, outcome: undefined, bytes: 0, forgotten: false, forget: () => undefined };
    const id = randomUUID();
    this.#futures.set(id, future);
    this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1);
    future.forget = () => this.#remove(id, future);
    // What is refused is refused to whoever sends it.
    await new Promise<void>((resolve) => this.#clock.afterTurn(resolve));
    const { outcome } = future;
    if (outcome === undefined || "reply" in outcome) return id;
    future.forget();
    throw outcome.error;
  }

  /** The model that a future is about; undefined when there is no such future. */
  targetOf(id: string): Target | undefined {
    return this.#futures.get(id)?.target;
  }

  /**
   * The answer of a future, or undefined when there is none within `waitMs`, or before the request that asks for it is given up.
   * @throws ServeError NOT_FOUND, or what the future fails with
   */
  async result(id: string, waitMs: number, waiting: RequestContext): Promise<HttpReply | undefined> {
    const future = this.#find(id, waiting.principal);
    if (future.outcome === undefined && waitMs > 0) {
      let cancel = (): void => undefined;
      const over = new Promise<void>((resolve) => {
        cancel = this.#clock.after(waitMs, resolve);
        waiting.onAbort(() => resolve());
      });
      await Promise.race([future.settled, over]);
      cancel();
      waiting.onAbort(undefined);
    }
    const { outcome } = future;
    if (outcome === undefined) return undefined;
    if ("error" in outcome) throw outcome.error;
    return outcome.reply;
  }

  /** Gives the request up and forgets its answer. @throws ServeError NOT_FOUND */
  cancel(id: string, principal: string): void {
    const future = this.#find(id, principal);
    future.forget();
    future.context.abort(new ServeError("CANCELLED", "the request was cancelled"));
  }

  /** Everything that is under way is given up. */
  close(): void {
    for (const future of [...this.#futures.values()]) {
      future.forget();
      future.context.abort(new ServeError("UNAVAILABLE", "the server is shutting down", { refusal: "shutting_down" }));
    }
  }

  /** Those of others are as if they were not there. */
  #find(id: string, principal: string): Future {
    const future = this.#futures.get(id);
    if (future?.principal === principal) return future;
    const seconds = this.#limits.keepMs / 1000;
    throw new ServeError("NOT_FOUND", `there is no future with this id: answers are kept for ${seconds} s, and not when the server ends`);
  }

  #settle(future: Future, outcome: Outcome): void {
    if (future.forgotten) return;
    future.bytes = "reply" in outcome ? sizeOf(outcome.reply) : 0;
    const { bytes: most, keepMs } = this.#limits;
    if (this.#bytes + future.bytes > most) {
      const text = `the answer has ${future.bytes} bytes, and those that nobody has fetched already ${this.#bytes} of at most ${most}; fetch answers sooner`;
      future.outcome = { error: new ServeError("RESOURCE_EXHAUSTED", text) };
      future.bytes = 0;
    } else future.outcome = outcome;
    this.#bytes += future.bytes;
    const { forget } = future;
    const cancel = this.#clock.after(keepMs, forget);
    future.forget = () => {
      cancel();
      forget();
    };
  }

  #remove(id: string, future: Future): void {
    if (!this.#futures.delete(id)) return;
    future.forgotten = true;
    const left = (this.#counts.get(future.principal) ?? 1) - 1;
    if (left === 0) this.#counts.delete(future.principal);
    else this.#counts.set(future.principal, left);
    this.#bytes -= future.bytes;
    future.bytes = 0;
  }
}

function sizeOf({ body }: HttpReply): number {
  if (typeof body === "string") return body.length;
  if (body instanceof Uint8Array) return body.byteLength;
  return Array.isArray(body) ? body.reduce((sum: number, piece: Uint8Array) => sum + piece.byteLength, 0) : 0;
}

function full(why: string): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", `${why}, as many as may be: fetch or cancel some`, { retryAfter: 1 });
}
