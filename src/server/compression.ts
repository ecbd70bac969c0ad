import { promisify } from "node:util";
import { deflate, gunzip, gzip, inflate } from "node:zlib";
import { HttpError } from "../core/http-error.ts";

const compressors = { gzip: promisify(gzip), deflate: promisify(deflate) };
const decompressors = { gzip: promisify(gunzip), deflate: promisify(inflate) };

export type Encoding = keyof typeof compressors;

/** Below this many bytes compressing costs more than it saves. */
const MIN_BYTES = 1024;

/** A body may become this large whatever its ratio: a few rows of zeros compress as well as a bomb does. */
const FREE_BYTES = 1024 * 1024;

export interface DecompressionLimits {
  /** Bytes of the result. */
  readonly maxBytes: number;
  /** Times that the result may be larger than the body. */
  readonly maxRatio: number;
}

/**
 * A request body without its content encoding.
 * @throws HttpError 415 for other encodings than gzip and deflate, 400 for bodies that are not what they say, 413 when the result
 * passes a limit
 */
export async function decompress(body: Uint8Array, encoding: string, { maxBytes, maxRatio }: DecompressionLimits): Promise<Uint8Array> {
  const name = encoding.trim().toLowerCase();
  if (name === "" || name === "identity") return body;
  if (name !== "gzip" && name !== "deflate") {
    throw new HttpError(415, `Content-Encoding '${encoding.slice(0, 64)}' is not known here; send gzip, deflate or none`);
  }
  const byRatio = Math.max(FREE_BYTES, body.byteLength * maxRatio);
  try {
    return await decompressors[name](body, { maxOutputLength: Math.min(maxBytes, byRatio) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") {
      throw new HttpError(400, `the body is not valid ${name} data`, { cause: error });
    }
    const limit = byRatio < maxBytes ? `${maxRatio} times its ${body.byteLength} bytes` : `${maxBytes} bytes`;
    throw new HttpError(413, `the body is larger than ${limit} when decompressed`);
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
