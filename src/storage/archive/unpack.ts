import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ServeError } from "../../core/errors.ts";
import { Extraction } from "./extraction.ts";
import type { ArchiveLimits } from "./limits.ts";

export type ArchiveFormat = "tar" | "zip";

/**
 * Whether a file is an archive for us: its extension says so. Formats of models that are zip files in fact
 * (.mar, .npz, .keras, .skops, .pt) are none.
 */
export function archiveFormatOf(name: string): ArchiveFormat | undefined {
  if (/\.(tar\.gz|tgz|tar)$/i.test(name)) return "tar";
  return /\.zip$/i.test(name) ? "zip" : undefined;
}

/**
 * Unpacks an archive into an empty folder. After a failure the folder holds a part, for the caller to remove.
 * @throws ServeError DATA_LOSS when it is damaged, FAILED_PRECONDITION for what is refused; the reason of the signal
 */
export async function unpack(
  archive: string,
  format: ArchiveFormat,
  folder: string,
  limits: ArchiveLimits,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(archive);
  const extraction = new Extraction(folder, size, limits, signal);
  try {
    // Loaded when they are needed: most servers never unpack anything.
    if (format === "tar") await (await import("./tar.ts")).unpackTar(archive, extraction);
    else await (await import("./zip.ts")).unpackZip(archive, extraction);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
  if (extraction.files === 0) throw new ServeError("FAILED_PRECONDITION", "the archive holds no files");
}

/** The folder that an archive stands for: its only top-level folder, unless that is a numbered version, else all of it. */
export async function contentRoot(unpacked: string): Promise<string> {
  const entries = await readdir(unpacked, { withFileTypes: true });
  const [only] = entries;
  return entries.length === 1 && only?.isDirectory() === true && !/^\d+$/.test(only.name) ? join(unpacked, only.name) : unpacked;
}
