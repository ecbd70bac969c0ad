import type { IncomingMessage } from "node:http";
import { ServeError } from "../core/errors.ts";

const EMPTY = new Uint8Array(0);

/**
 * The declared length of a body in bytes; 0 when there is none or it comes in chunks.
 * @throws ServeError RESOURCE_EXHAUSTED when it is over the limit
 */
export function declaredLength(request: IncomingMessage, limit: number): number {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > limit) throw tooLarge(limit);
  return length;
}

/**
 * Reads a whole body of at most `limit` bytes.
 * @throws ServeError RESOURCE_EXHAUSTED when it grows over the limit, CANCELLED when the client goes away
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let first: Uint8Array | undefined;
    let chunks: Uint8Array[] | undefined;
    let total = 0;
    request.on("data", (chunk: Uint8Array) => {
      total += chunk.byteLength;
      if (total > limit) {
        request.removeAllListeners("data");
        reject(tooLarge(limit));
      } else if (first === undefined) {
        first = chunk;
      } else {
        chunks ??= [first];
        chunks.push(chunk);
      }
    });
    request.on("end", () => resolve(chunks === undefined ? (first ?? EMPTY) : Buffer.concat(chunks, total)));
    request.on("error", (error) => reject(new ServeError("CANCELLED", "the client went away while it was sending", { cause: error })));
  });
}

function tooLarge(limit: number): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", `the body is larger than the limit of ${limit} bytes`);
}
