import type { Readable } from "node:stream";

/** Characters of a line; what it has beyond them is thrown away, or a process that prints no line end would fill the memory. */
const LONGEST_LINE = 16 * 1024;
const LINE_END = /\r\n|\n|\r/g;

/**
 * Hands over each line of what a process prints, in UTF-8 and without its end: a line feed, a carriage return or both. A line that is too
 * long comes as soon as it is, with "…" for the rest.
 */
export function followLines(stream: Readable, onLine: (line: string) => void): void {
  let begun: string[] = [];
  let length = 0;
  let isCut = false;
  let endsWithReturn = false;
  const add = (text: string): void => {
    if (isCut || text === "") return;
    begun.push(text.slice(0, LONGEST_LINE - length));
    length += text.length;
    if (length <= LONGEST_LINE) return;
    isCut = true;
    onLine(`${begun.join("")}…`);
    begun = [];
  };
  const end = (): void => {
    if (!isCut) onLine(begun.join(""));
    begun = [];
    length = 0;
    isCut = false;
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    // The other half of a line end that came in two chunks.
    let from = endsWithReturn && text.startsWith("\n") ? 1 : 0;
    endsWithReturn = text.endsWith("\r");
    for (const { index, 0: mark } of text.matchAll(LINE_END)) {
      if (index < from) continue;
      add(text.slice(from, index));
      end();
      from = index + mark.length;
    }
    add(text.slice(from));
  });
  stream.on("end", () => {
    if (length > 0) end();
  });
}
