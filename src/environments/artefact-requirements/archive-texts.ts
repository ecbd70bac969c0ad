import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { openPromise } from "yauzl";
import { messageOf, ServeError } from "../../core/errors.ts";

/** Bytes of a file that is read; longer ones are no manifests, requirements or handlers. */
const LARGEST_TEXT = 1 << 20;
const MOST_TEXTS = 1000;

/**
 * Texts of an archive of TorchServe by their names: its MAR-INF/MANIFEST.json, and files at its top that may say what it needs.
 * @param file a .mar, which is a zip, or the folder that one was unpacked to
 * @throws ServeError INVALID_ARGUMENT for what is neither
 */
export async function archiveTexts(file: string): Promise<ReadonlyMap<string, string>> {
  return (await stat(file)).isDirectory() ? await textsInFolder(file) : await textsInZip(file);
}

function isWanted(name: string, bytes: number): boolean {
  return bytes <= LARGEST_TEXT && (name === "MAR-INF/MANIFEST.json" || /^[^/]+\.(py|txt)$/.test(name));
}

async function textsInZip(file: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  try {
    const zip = await openPromise(file, { autoClose: false });
    try {
      for await (const entry of zip.eachEntry()) {
        if (texts.size === MOST_TEXTS) break;
        if (!isWanted(entry.fileName, entry.uncompressedSize)) continue;
        const chunks: Uint8Array[] = [];
        for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) chunks.push(chunk);
        texts.set(entry.fileName, Buffer.concat(chunks).toString("utf8"));
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `${basename(file)} is no readable archive of TorchServe (a zip), or is cut off: ${messageOf(error)}`,
    );
  }
  return texts;
}

async function textsInFolder(folder: string): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const place of [folder, join(folder, "MAR-INF")]) {
    for (const entry of await readdir(place, { withFileTypes: true }).catch(() => [])) {
      const path = join(place, entry.name);
      const name = relative(folder, path).split(sep).join("/");
      if (texts.size < MOST_TEXTS && entry.isFile() && isWanted(name, (await stat(path)).size))
        texts.set(name, await readFile(path, "utf8"));
    }
  }
  return texts;
}
