import { deflateSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { chooseEncoding, decompress } from "./compression.ts";

const text = Buffer.from("x".repeat(5000));
const limits = { maxBytes: 1e6, maxRatio: 100 };

it("undoes gzip and deflate, and leaves the rest alone", async () => {
  expect(Buffer.from(await decompress(gzipSync(text), "gzip", limits))).toEqual(text);
  expect(Buffer.from(await decompress(deflateSync(text), "Deflate", limits))).toEqual(text);
  expect(await decompress(text, "identity", limits)).toBe(text);
});

it.each([
  [gzipSync(text), "gzip", { maxBytes: 100, maxRatio: 100 }, 413, "larger than 100 bytes when decompressed"],
  [gzipSync(Buffer.alloc(2e6)), "gzip", { maxBytes: 1e9, maxRatio: 10 }, 413, /larger than 10 times its \d+ bytes when decompressed/],
  [gzipSync(text).subarray(0, -9), "gzip", limits, 400, "not valid gzip data"],
  [text, "gzip", limits, 400, "not valid gzip data"],
  [text, "br", limits, 415, "Content-Encoding 'br' is not known here"],
  [gzipSync(gzipSync(text)), "gzip, gzip", limits, 415, "is not known here"],
])("refuses what it cannot undo (%#)", async (body, encoding, limit, status, message) => {
  const refused = decompress(body, encoding, limit);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toMatchObject({ status });
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
