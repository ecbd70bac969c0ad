import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ServeError } from "../core/errors.ts";

const CHUNK_BYTES = 1024 ** 2;

/**
 * The SHA-256 of a file as it is on disk, hex.
 * @throws the reason of the signal, errors of the system
 */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** The SHA-256 of a short text, hex: a file name for what may not be one itself. */
export function sha256OfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** @throws ServeError DATA_LOSS when the two differ; `what` is shown */
export function compareHashes(what: string, expected: string | undefined, found: string): void {
  if (expected === undefined || expected === found) return;
  throw new ServeError(
    "DATA_LOSS",
    `${what} has the SHA-256 ${found}, and ${expected} was expected: it is damaged, or another version than the one that was meant; ` +
      "correct the annotation nitrous/sha256 if the new content is right",
  );
}
