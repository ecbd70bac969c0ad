import { expect, it } from "vitest";
import { createRecord, RequestContext } from "../../../core/context.ts";
import type { HttpRequest } from "../../../core/http.ts";
import { decodeLarge, isLarge, type LargeInfer } from "./large.ts";

const LENGTH = "inference-header-content-length";
const limits = { maxBytes: 10, maxElements: 1 };
const request = (bytes: number, headers: HttpRequest["headers"] = {}): HttpRequest => ({
  method: "POST",
  params: {},
  headers,
  query: new URLSearchParams(),
  context: new RequestContext({ deadline: 1e9, record: createRecord("oip", "m", 0) }),
  body: new Uint8Array(bytes),
});

it.each<[number, HttpRequest["headers"], boolean]>([
  [10, {}, false],
  [11, {}, true],
  [1000, { [LENGTH]: "10" }, false],
  [1000, { [LENGTH]: "11" }, true],
  // What is wrong is refused without ado.
  [1000, { [LENGTH]: "x" }, false],
])("%i bytes with %j: large is %s", (bytes, headers, expected) => {
  expect(isLarge(request(bytes, headers), limits)).toBe(expected);
});

it("hands on the one header that says how long the JSON is, and no key", async () => {
  const seen: unknown[] = [];
  const large: LargeInfer = {
    ...limits,
    decode: (_body, headers) => {
      seen.push(headers);
      return Promise.resolve({ tensors: [], binary: () => false });
    },
    write: () => Promise.resolve([]),
  };
  await decodeLarge(large, request(20, { authorization: "Bearer secret", [LENGTH]: "15" }));
  expect(seen).toEqual([{ [LENGTH]: "15" }]);
});
