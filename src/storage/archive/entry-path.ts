import { ServeError } from "../../core/errors.ts";

const SEGMENT_BYTES = 255;

/**
 * The names, from the outermost folder on, that a path in an archive consists of; none for the folder unpacked into.
 * @throws ServeError FAILED_PRECONDITION for a path that leads outside on any system, or is too long
 */
export function entryNames(path: string, pathBytes: number): readonly string[] {
  const refuse = (why: string): never => {
    throw new ServeError("FAILED_PRECONDITION", `the archive holds the entry ${JSON.stringify(path.slice(0, 200))}, ${why}`);
  };
  if (Buffer.byteLength(path) > pathBytes) refuse(`whose path is longer than ${pathBytes} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(path)) refuse("whose path holds a control character");
  if (path.includes("\\")) refuse("whose path holds a backslash");
  if (path.startsWith("/")) refuse("whose path is absolute");
  if (/^[a-z]:/i.test(path)) refuse("whose path begins with a drive letter");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (const name of names) {
    if (name === "..") refuse("which leads out of its folder");
    if (Buffer.byteLength(name) > SEGMENT_BYTES) refuse(`of which one name is longer than ${SEGMENT_BYTES} bytes`);
  }
  return names;
}

/** What macOS puts into archives besides the files that a user packed. */
export function isMacNoise(names: readonly string[]): boolean {
  const last = names.at(-1) ?? "";
  return names[0] === "__MACOSX" || last === ".DS_Store" || last.startsWith("._");
}
