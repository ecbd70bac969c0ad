import { crc32 } from "node:zlib";
import { type Entry, getFileNameLowLevel, openPromise, type ZipFile } from "yauzl";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Extraction } from "./extraction.ts";

const KIND_BITS = 0o170000;
const FOLDER = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;

/** Made by a system with Unix modes: Unix itself and macOS. */
const UNIX_MAKERS = [3, 19];

/**
 * Unpacks a zip file.
 * @throws ServeError DATA_LOSS when it is damaged or ends early, FAILED_PRECONDITION for what is refused
 */
export async function unpackZip(archive: string, extraction: Extraction): Promise<void> {
  const zip = await openPromise(archive, { decodeStrings: false, validateEntrySizes: true, autoClose: false }).catch((error: unknown) => {
    throw damaged(error);
  });
  try {
    for await (const entry of entriesOf(zip)) await add(zip, entry, extraction);
  } finally {
    zip.close();
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  try {
    for await (const entry of zip.eachEntry()) yield entry;
  } catch (error) {
    throw damaged(error);
  }
}

async function add(zip: ZipFile, entry: Entry, extraction: Extraction): Promise<void> {
  const path = nameOf(entry);
  const shown = JSON.stringify(path.slice(0, 200));
  const mode = UNIX_MAKERS.includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const refuse = (what: string): ServeError => new ServeError("FAILED_PRECONDITION", `the archive holds ${shown}, ${what}`);
  if ((mode & KIND_BITS) === LINK) throw refuse("a link; links are not unpacked: pack the files themselves (zip without -y)");
  if (![0, FOLDER, FILE].includes(mode & KIND_BITS)) throw refuse("which is neither a file nor a folder; only those are unpacked");
  if (entry.isEncrypted()) throw refuse("which is encrypted; pack it without a password");
  if (!entry.canDecodeFileData()) {
    throw refuse(`compressed by method ${entry.compressionMethod}; only stored and deflated entries are unpacked`);
  }
  const kind = path.endsWith("/") || (mode & KIND_BITS) === FOLDER ? "folder" : "file";
  if (kind === "folder" && entry.uncompressedSize > 0) throw refuse("a folder with content");
  await extraction.add({
    path,
    kind,
    executable: (mode & 0o100) !== 0,
    content: () => contentOf(zip, entry, shown, extraction),
  });
}

function nameOf(entry: Entry): string {
  try {
    return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
  } catch (error) {
    throw damaged(error);
  }
}

async function* contentOf(zip: ZipFile, entry: Entry, shown: string, extraction: Extraction): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  try {
    for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
      extraction.count(chunk.byteLength);
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (error) {
    throw ServeError.from(error, "DATA_LOSS", damaged(error).message);
  }
  if (checksum !== entry.crc32) throw damaged(`the checksum of ${shown} is wrong`);
}

function damaged(cause: unknown): ServeError {
  return new ServeError("DATA_LOSS", `the archive is damaged or cut short: ${messageOf(cause)}`, { cause });
}
