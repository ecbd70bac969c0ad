import { createHash } from "node:crypto";

/** Of a text and the generation that it is for, where it has one. */
export function digestOf(text: string, generation?: number): string {
  return createHash("sha256")
    .update(`${generation ?? ""}\n`)
    .update(text)
    .digest("hex");
}
