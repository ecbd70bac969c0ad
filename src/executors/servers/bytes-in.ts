import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** Bytes that the files of a folder take, without following links; what goes away meanwhile counts nothing. */
export async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let total = 0;
  // One after the other: a folder may have any number of files.
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const { blocks } = await lstat(path).catch(() => ({ blocks: 0 }));
    total += blocks * BLOCK_BYTES;
    if (entry.isDirectory()) total += await bytesIn(path);
  }
  return total;
}
