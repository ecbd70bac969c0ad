import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** The text of a file, as of /proc; empty when it cannot be read, or is not there. */
export async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}

/** The same at once. */
export function readOptionalSync(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
