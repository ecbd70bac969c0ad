import { ServeError } from "../core/errors.ts";
import { fetchFile, listFiles } from "./package-index.ts";

/** A wheel that is pinned: whatever the index says, only these contents are used. */
export interface Wheel {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * The contents of a pinned wheel of a package.
 * @throws ServeError UNAVAILABLE when the index does not have it, DATA_LOSS when its contents are others
 */
export async function fetchWheel(packageName: string, { file, sha256 }: Wheel, signal?: AbortSignal): Promise<Uint8Array> {
  const listed = (await listFiles(packageName, signal)).find(({ name }) => name === file);
  if (listed === undefined) throw new ServeError("UNAVAILABLE", `the package index does not list ${file}`);
  const bytes = await fetchFile(listed, signal);
  const actual = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
  if (actual !== sha256) throw new ServeError("DATA_LOSS", `${file} has the SHA-256 ${actual} instead of ${sha256}; it was not used`);
  return bytes;
}
