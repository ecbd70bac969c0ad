import { deflateSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { chooseEncoding, decompress } from "./compression.ts";

const text = Buffer.from("x".repeat(5000));

it("undoes gzip and deflate, and leaves the rest alone", async () => {
  expect(Buffer.from(await decompress(gzipSync(text), "gzip", 1e6))).toEqual(text);
  expect(Buffer.from(await decompress(deflateSync(text), "Deflate", 1e6))).toEqual(text);
  expect(await decompress(text, "identity", 1e6)).toBe(text);
});

it.each([
  [gzipSync(text), "gzip", 100, "larger than 100 bytes when decompressed"],
  [text, "gzip", 1e6, "not valid gzip data"],
  [text, "br", 1e6, "Content-Encoding 'br' is not known here"],
])("refuses what it cannot undo (%#)", async (body, encoding, limit, message) => {
  await expect(decompress(body, encoding, limit)).rejects.toThrow(message);
});

it.each([
  ["gzip, deflate", 5000, "gzip"],
  ["deflate;q=1, gzip;q=0.5", 5000, "deflate"],
  ["gzip;q=0, br", 5000, undefined],
  ["gzip", 10, undefined],
  [undefined, 5000, undefined],
])("answers %s with %s bytes as %s", (accept, bytes, expected) => {
  expect(chooseEncoding(accept, bytes)).toBe(expected);
});
