import { open } from "node:fs/promises";
import { extname } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import { recordedInSkops } from "./skops-version.ts";

const KEY = Buffer.from("_sklearn_version");
/** Bytes before the key's end to after the value's: opcodes, a memo, a frame's header and the longest version. */
const LONGEST_RECORD = 96;
const CHUNK_BYTES = 1 << 20;

/**
 * The version of scikit-learn that a pickle, joblib or skops file says it was made with, found in its bytes without running
 * any of it and in little memory. Undefined when it says none, is cut off, or is compressed by other means than zlib or gzip.
 */
export async function recordedScikitLearn(file: string, signal?: AbortSignal): Promise<string | undefined> {
  if (extname(file).toLowerCase() === ".skops") return await recordedInSkops(file);
  const handle = await open(file);
  const head = Buffer.alloc(2);
  await handle.read(head, 0, head.length, 0);
  const source = handle.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, ...(signal === undefined ? {} : { signal }) });
  try {
    let rest = Buffer.alloc(0);
    for await (const chunk of decompressed(source, head)) {
      const bytes = Buffer.concat([rest, chunk as Buffer]);
      const version = recordedIn(bytes);
      if (version !== undefined) return version;
      rest = bytes.subarray(-LONGEST_RECORD);
    }
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith("Z_")) throw error;
  } finally {
    source.destroy();
  }
  return undefined;
}

function decompressed(source: Readable, head: Buffer): Readable {
  // joblib's default compression is zlib, whose header begins with 0x78; no pickle begins so.
  const decompressor = head[0] === 0x78 ? createInflate : head[0] === 0x1f && head[1] === 0x8b ? createGunzip : undefined;
  return decompressor === undefined ? source : pipeline(source, decompressor({ chunkSize: CHUNK_BYTES }), () => undefined);
}

/** After the key, in pickle's opcodes: a memo and a new frame maybe, then a string by its length or up to the line's end. */
const VALUE =
  /^\n?(?:\x94|q[\s\S]|r[\s\S]{4}|p\d+\n)?(?:\x95[\s\S]{8})?(?:\x8c(?<short>[\s\S])|X(?<long>[\s\S])\0\0\0|V)(?<text>[0-9][0-9A-Za-z.+]*)/;

/** The first version that the uncompressed bytes of a pickle record. */
function recordedIn(bytes: Buffer): string | undefined {
  for (let at = bytes.indexOf(KEY); at >= 0; at = bytes.indexOf(KEY, at + KEY.length)) {
    const end = at + KEY.length;
    const { short, long, text } = VALUE.exec(bytes.toString("latin1", end, end + LONGEST_RECORD))?.groups ?? {};
    const length = (short ?? long)?.charCodeAt(0) ?? text?.length;
    if (text !== undefined && length !== undefined && text.length >= length) return text.slice(0, length);
  }
  return undefined;
}
