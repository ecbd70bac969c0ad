import { ServeError } from "../../core/errors.ts";

/** A text with its name, for errors that say where something is. */
export interface NamedText {
  readonly file: string;
  readonly text: string;
}

/**
 * An error in the words "FILE:LINE:COLUMN: message", with lines and columns (UTF-16 units) from 1.
 * @param offset in UTF-16 units from the beginning of the text
 */
export function errorAt({ file, text }: NamedText, offset: number, message: string): ServeError {
  const before = text.slice(0, offset);
  const line = (before.match(/\n/g)?.length ?? 0) + 1;
  const column = offset - (before.lastIndexOf("\n") + 1) + 1;
  return new ServeError("INVALID_ARGUMENT", `${file}:${line}:${column}: ${message}`);
}
