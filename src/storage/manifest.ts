import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { contentRoot } from "./archive/unpack.ts";

/** What a complete entry of the cache consists of. */
export const Manifest = z.object({
  /** Below the content folder, the file or folder that the entry stands for; "" for all of it. */
  root: z.string(),
  /** Size of the file that was downloaded, in bytes. */
  bytes: z.number(),
  /** Size in bytes by path below the content folder; "/" between names. */
  files: z.record(z.string(), z.number()),
});
export type Manifest = z.infer<typeof Manifest>;

/** Describes a content folder that is complete. `bytes`: size of the file that was downloaded. */
export async function describeContent(content: string, bytes: number): Promise<Manifest> {
  const files: Record<string, number> = Object.create(null);
  const visit = async (folder: string, prefix: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await visit(path, `${prefix}${entry.name}/`);
      else files[`${prefix}${entry.name}`] = (await lstat(path)).size;
    }
  };
  await visit(content, "");
  const root = await contentRoot(content);
  return { root: root === content ? "" : root.slice(content.length + 1), bytes, files };
}

/**
 * Whether all files are there in their sizes. What is there besides does not count: runtimes write byte code beside sources.
 */
export async function isIntact(content: string, manifest: Manifest): Promise<boolean> {
  for (const [path, bytes] of Object.entries(manifest.files)) {
    try {
      const found = await lstat(join(content, path));
      if (!found.isFile() || found.size !== bytes) return false;
    } catch {
      return false;
    }
  }
  return true;
}
