import { createReadStream } from "node:fs";

/** Whether a file's bytes, as Latin-1, match somewhere; a match is at most `longest` letters. In little memory. */
export async function contains(file: string, pattern: RegExp, longest: number, signal?: AbortSignal): Promise<boolean> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "latin1", ...(signal === undefined ? {} : { signal }) })) {
    const text = rest + (chunk as string);
    if (pattern.test(text)) return true;
    rest = text.slice(-longest);
  }
  return false;
}
