import { promisify } from "node:util";
import { deflate, gunzip, gzip, inflate } from "node:zlib";
import { ServeError } from "../core/errors.ts";

const compressors = { gzip: promisify(gzip), deflate: promisify(deflate) };
const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) };

type Encoding = keyof typeof compressors;

/** Below this many bytes compressing costs more than it saves. */
const MIN_BYTES = 1024;

/**
 * A request body without its content encoding.
 * @throws ServeError UNIMPLEMENTED for other encodings than gzip and deflate, INVALID_ARGUMENT for bodies that are not what
 * they say, RESOURCE_EXHAUSTED when the result passes `limit` bytes
 */
export async function decompress(body: Uint8Array, encoding: string, limit: number): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === "" || name === "identity") return body;
  if (name !== "gzip" && name !== "deflate") {
    throw new ServeError("UNIMPLEMENTED", `Content-Encoding '${encoding}' is not known here; send gzip, deflate or none`);
  }
  try {
    return await decompressors[name](body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new ServeError("RESOURCE_EXHAUSTED", `the body is larger than ${limit} bytes when decompressed`);
    }
    throw new ServeError("INVALID_ARGUMENT", `the body is not valid ${name} data`, { cause: error });
  }
}

/** The encoding to answer with, by the client's Accept-Encoding; undefined for none. */
export function chooseEncoding(accept: string | undefined, bytes: number): Encoding | undefined {
  if (accept === undefined || bytes < MIN_BYTES) return undefined;
  let best: Encoding | undefined;
  let bestQuality = 0;
  for (const part of accept.split(",")) {
    const [name = "", ...parameters] = part.trim().toLowerCase().split(";");
    const quality = Number(
      parameters
        .find((parameter) => parameter.trim().startsWith("q="))
        ?.trim()
        .slice(2) ?? 1,
    );
    if ((name === "gzip" || name === "deflate") && quality > bestQuality) {
      best = name;
      bestQuality = quality;
    }
  }
  return best;
}

export function compress(body: Uint8Array, encoding: Encoding): Promise<Uint8Array> {
  return compressors[encoding](body);
}
