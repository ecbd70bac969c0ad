import type { IncomingMessage } from "node:http";
import { ServeError } from "../core/errors.ts";
import { HttpError } from "../core/http-error.ts";
import { BYTES_A_TURN, joinInTurns } from "../core/turns.ts";
import type { BodyAccount } from "./body-memory.ts";
import type { Request } from "./message.ts";

const EMPTY = new Uint8Array(0);
/** A chunk below this many bytes is copied: as an object of its own it would take more memory than its bytes. */
const SMALL_CHUNK = 4096;
const SLAB_BYTES = 64 * 1024;

/**
 * The declared length of a body in bytes; 0 when there is none or it comes in chunks.
 * @throws HttpError 413 when it is over the limit
 */
export function declaredLength(request: Request, limit: number): number {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > limit) throw tooLarge(limit);
  return length;
}

/** Tells of what is wrong with a body that is being read. */
export type OnBroken = (reject: ((error: ServeError) => void) | undefined) => void;

/**
 * Reads a whole body of at most `limit` bytes. While it does, `onBroken` has a function that ends it.
 * @throws HttpError 413 when it grows over the limit; ServeError RESOURCE_EXHAUSTED when all bodies together hold too much,
 * CANCELLED when the client goes away
 */
export function readBody(request: IncomingMessage, limit: number, account: BodyAccount, onBroken: OnBroken): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts = new BodyParts();
    let ended = false;
    const end = (error: unknown): void => {
      ended = true;
      onBroken(undefined);
      parts.clear();
      reject(error);
    };
    onBroken(end);
    request.on("data", (chunk: Uint8Array) => {
      // What comes after a refusal is read on, into nothing: the client looks for its answer only when all is sent.
      if (ended) return;
      if (parts.bytes + chunk.byteLength > limit) return end(tooLarge(limit));
      try {
        account.hold(chunk.byteLength);
      } catch (error) {
        return end(error);
      }
      parts.add(chunk);
    });
    request.on("end", () => {
      if (ended) return;
      onBroken(undefined);
      resolve(parts.bytes > BYTES_A_TURN ? parts.joinInTurns() : parts.join());
    });
    request.on("error", (error) => {
      if (!ended) end(new ServeError("CANCELLED", "the client went away while it was sending", { cause: error }));
    });
  });
}

/** The pieces of a body, in memory that grows with their bytes and not with their number. */
class BodyParts {
  bytes = 0;
  #parts: Uint8Array[] = [];
  #slab: Uint8Array = EMPTY;
  /** The small chunks that are in the slab and not yet in a part. */
  #from = 0;
  #to = 0;

  add(chunk: Uint8Array): void {
    this.bytes += chunk.byteLength;
    if (chunk.byteLength >= SMALL_CHUNK || this.bytes === chunk.byteLength) {
      this.#flush();
      this.#parts.push(chunk);
      return;
    }
    if (this.#to + chunk.byteLength > this.#slab.byteLength) {
      this.#flush();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#from = 0;
      this.#to = 0;
    }
    this.#slab.set(chunk, this.#to);
    this.#to += chunk.byteLength;
  }

  /** The whole: the only piece as it is, or a copy of all. */
  join(): Uint8Array {
    this.#flush();
    return this.#parts.length <= 1 ? (this.#parts[0] ?? EMPTY) : Buffer.concat(this.#parts, this.bytes);
  }

  /** The same, over several turns of the event loop. */
  joinInTurns(): Promise<Uint8Array> {
    this.#flush();
    return joinInTurns(this.#parts, this.bytes);
  }

  clear(): void {
    this.#parts = [];
    this.#slab = EMPTY;
    this.#from = 0;
    this.#to = 0;
  }

  #flush(): void {
    if (this.#to > this.#from) this.#parts.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

function tooLarge(limit: number): HttpError {
  return new HttpError(413, `the body is larger than the limit of ${limit} bytes`);
}
