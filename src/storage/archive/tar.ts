import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Extraction } from "./extraction.ts";

const CHUNK_BYTES = 64 * 1024;

const FILES = ["File", "OldFile", "ContiguousFile"];
const FOLDERS = ["Directory", "GNUDumpDir"];

/**
 * Unpacks a tar file, gzipped or not, whatever its name says.
 * @throws ServeError DATA_LOSS when it is damaged or ends early, FAILED_PRECONDITION for what is refused
 */
export async function unpackTar(archive: string, extraction: Extraction): Promise<void> {
  const parser = new Parser({ strict: true });
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  parser.on("error", (error) => fail(damaged(error)));
  // The parser skips what it does not know; a model with something missing must not look whole.
  parser.on("ignoredEntry", (entry) => fail(unknownKind(entry)));

  let stopped = false;
  let current: ReadEntry | undefined;
  let added = Promise.resolve();
  parser.on("entry", (entry) => {
    // Without a listener a destroyed entry would throw where nobody can catch it.
    entry.on("error", () => undefined);
    added = added.then(async () => {
      if (stopped) return;
      current = entry;
      await add(entry, extraction);
    });
    added.catch(fail);
  });
  let endMark = "none" as "none" | "half" | "whole";
  parser.on("nullBlock", () => {
    endMark = "half";
  });
  parser.on("eof", () => {
    endMark = "whole";
  });

  try {
    for await (const chunk of tarBytes(archive)) {
      extraction.count(chunk.byteLength);
      // What follows the end mark is padding, which the parser would collect.
      if (endMark === "whole") continue;
      const drained = parser.write(chunk) ? undefined : new Promise<void>((resolve) => parser.once("drain", resolve));
      await Promise.race([failed, drained]);
    }
    const ended = new Promise<void>((resolve) => parser.once("end", resolve));
    parser.end();
    await Promise.race([failed, ended]);
    await Promise.race([failed, added]);
  } catch (error) {
    // Nothing may be written any more when this settles: the folder is about to be removed.
    stopped = true;
    current?.destroy(new Error("stopped"));
    await added.catch(() => undefined);
    throw error;
  }
  if (endMark === "none") throw damaged("a tar file ends with a mark, and this one has none");
}

async function add(entry: ReadEntry, extraction: Extraction): Promise<void> {
  if (/Link$/.test(entry.type)) {
    throw new ServeError(
      "FAILED_PRECONDITION",
      `the archive holds ${JSON.stringify(entry.path)}, a link to ${JSON.stringify(entry.linkpath ?? "")}; ` +
        "links are not unpacked: pack the files themselves (tar --dereference --hard-dereference)",
    );
  }
  const kind = FILES.includes(entry.type) ? "file" : FOLDERS.includes(entry.type) ? "folder" : undefined;
  if (kind === undefined) throw unknownKind(entry);
  if (kind === "folder") entry.resume();
  await extraction.add({ path: entry.path, kind, executable: ((entry.mode ?? 0) & 0o100) !== 0, content: () => entry });
}

function unknownKind(entry: ReadEntry): ServeError {
  return new ServeError(
    "FAILED_PRECONDITION",
    `the archive holds ${JSON.stringify(entry.path)} of the kind ${entry.type}; only files and folders are unpacked`,
  );
}

/** The bytes of the tar file itself, unpacked by zlib's own threads and not on the event loop. */
async function* tarBytes(archive: string): AsyncGenerator<Buffer> {
  const gzipped = isGzip(await firstBytes(archive));
  const file = createReadStream(archive, { highWaterMark: CHUNK_BYTES });
  const source = gzipped ? file.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : file;
  if (source !== file) file.on("error", (error) => source.destroy(error));
  let first = true;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      // The parser would unpack this by itself, on the event loop.
      if (first && (isGzip(chunk) || isZstandard(chunk))) throw damaged("it is not a tar file, gzipped once or not at all");
      first = false;
      yield chunk;
    }
  } catch (error) {
    throw ServeError.from(error, "DATA_LOSS", damaged(error).message);
  } finally {
    source.destroy();
    file.destroy();
  }
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const isZstandard = (bytes: Uint8Array): boolean => bytes[0] === 0x28 && bytes[1] === 0xb5;

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function damaged(cause: unknown): ServeError {
  return new ServeError("DATA_LOSS", `the archive is damaged or cut short: ${messageOf(cause)}`, { cause });
}
