import { ServeError } from "../core/errors.ts";
import { parseExactly } from "../core/exact-json.ts";
import type { JsonValue } from "../core/inference.ts";
import { outputsOf } from "./outputs.ts";
import { errorOf } from "./refusal.ts";
import { decodeAnswer } from "./wire.ts";

/**
 * The messages of a stream as they come.
 * @throws ServeError as the server tells it, UNAVAILABLE for a stream that is cut off, or the signal's reason
 */
export async function* readStream(
  response: Response,
  forget: () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown, void, undefined> {
  const body = new Body(response);
  try {
    for (;;) {
      const lengths = await body.take(8);
      const view = new DataView(lengths.buffer, lengths.byteOffset, 8);
      const json = await body.take(view.getUint32(0, true));
      const bytes = await body.take(view.getUint32(4, true));
      const head = parseExactly(new TextDecoder().decode(json)) as Record<string, JsonValue>;
      if (head.end === true) return;
      if (head.code !== undefined) throw errorOf(head, "the stream has failed");
      yield outputsOf(decodeAnswer(head, bytes));
    }
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error;
  } finally {
    forget();
    await body.close();
  }
}

/** The bytes of a response, as many at a time as somebody asks for. */
class Body {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor({ body }: Response) {
    if (body === null) throw cutOff();
    this.#reader = body.getReader();
  }

  async take(length: number): Promise<Uint8Array> {
    const pieces = [this.#rest];
    let size = this.#rest.byteLength;
    while (size < length) {
      const { done, value } = await this.#reader.read().catch((error: unknown) => {
        throw new ServeError("UNAVAILABLE", cutOff().message, { cause: error });
      });
      if (done) throw cutOff();
      pieces.push(value);
      size += value.byteLength;
    }
    const all = pieces.length === 1 ? (pieces[0] as Uint8Array) : joined(pieces, size);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }

  /** The server hears that nobody reads any more. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    all.set(piece, offset);
    offset += piece.byteLength;
  }
  return all;
}

function cutOff(): ServeError {
  return new ServeError("UNAVAILABLE", "the connection ended before the stream did");
}
