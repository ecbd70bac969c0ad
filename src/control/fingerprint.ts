import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelSpec } from "../core/model.ts";

/** Sizes and times of a model's files: another text when one of them has been written since. */
export async function fingerprintOf({ file }: Pick<ModelSpec, "file">): Promise<string> {
  const entry = await stat(file);
  if (!entry.isDirectory()) return `${entry.size} ${entry.mtimeMs} ${entry.ino}`;
  const parts: string[] = [];
  for (const name of (await readdir(file, { recursive: true })).sort()) {
    const { size, mtimeMs } = await stat(join(file, name));
    parts.push(`${name} ${size} ${mtimeMs}`);
  }
  return parts.join("\n");
}
