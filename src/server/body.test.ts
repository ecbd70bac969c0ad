import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readBody } from "./body.ts";
import { BodyMemory } from "./body-memory.ts";

/** A request whose body comes in the given chunks. */
function requestOf(chunks: readonly Uint8Array[]): IncomingMessage {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return stream as unknown as IncomingMessage;
}

const ignore = (): void => undefined;

it("puts chunks of all sizes together in their order", async () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 4090, max: 70_000 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const chunks = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      const memory = new BodyMemory(1e9);
      const account = memory.open();
      const body = await readBody(requestOf(chunks), 1e9, account, ignore);
      expect(Buffer.compare(Buffer.from(body), Buffer.concat(chunks))).toBe(0);
      expect(memory.held).toBe(body.byteLength);
      account.release();
      expect(memory.held).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it("refuses what grows over the limit, and what all requests together must not hold", async () => {
  const memory = new BodyMemory(100);
  const chunks = [Buffer.alloc(60), Buffer.alloc(60)];
  await expect(readBody(requestOf(chunks), 100, memory.open(), ignore)).rejects.toMatchObject({ status: 413 });
  await expect(readBody(requestOf(chunks), 1000, memory.open(), ignore)).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    retryAfter: 1,
  });
});

it("can be ended from outside while it reads, and not afterwards", async () => {
  let broken: ((error: never) => void) | undefined;
  const stream = new PassThrough();
  const body = readBody(stream as unknown as IncomingMessage, 100, new BodyMemory(100).open(), (reject) => {
    broken = reject;
  });
  stream.write("a");
  broken?.(new Error("too slow") as never);
  await expect(body).rejects.toThrow("too slow");
  expect(broken).toBeUndefined();
});
