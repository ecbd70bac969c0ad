import { createInterface } from "node:readline";
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import { followLines } from "./lines.ts";

async function linesOf(chunks: Iterable<string | Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  const stream = Readable.from([...chunks].map((chunk) => Buffer.from(chunk as string)));
  followLines(stream, (line) => lines.push(line));
  await new Promise((resolve) => stream.on("end", resolve));
  return lines;
}

it("finds the lines that readline finds, however they come", async () => {
  const pieces = fc.array(fc.constantFrom("a", "größe", "\n", "\r", "\r\n", "\n\n", " ", "😀"), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 7 }), async (texts, size) => {
      const bytes = Buffer.from(texts.join(""));
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
      const expected: string[] = [];
      for await (const line of createInterface({ input: Readable.from([bytes]), crlfDelay: Number.POSITIVE_INFINITY })) expected.push(line);
      expect(await linesOf(chunks)).toEqual(expected);
    }),
  );
});

it("cuts a line that is too long, as soon as it is, and goes on after its end", () => {
  const stream = new PassThrough();
  const lines: string[] = [];
  followLines(stream, (line) => lines.push(line));
  const next = (text: string): void => {
    stream.write(text);
    stream.read();
  };
  next(`${"x".repeat(16 * 1024)}\n`);
  for (let count = 0; count < 1000; count++) next("y".repeat(64 * 1024));
  next("end of the long one\nshort\n");
  expect(lines.map((line) => [line.slice(0, 10), line.length])).toEqual([
    ["xxxxxxxxxx", 16 * 1024],
    ["yyyyyyyyyy", 16 * 1024 + 1],
    ["short", 5],
  ]);
});
