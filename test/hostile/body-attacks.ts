import { deflateSync, gzipSync } from "node:zlib";
import { type Attack, OIP, post, raw, SERVICES, V1 } from "./attack.ts";
import { head } from "./wire.ts";

const CHUNKED = { "Transfer-Encoding": "chunked" };
const MEBIBYTE = 1048576;
/** Settings of the server under attack. */
export const MAX_BODY_BYTES = 16 * MEBIBYTE;

function gzip(body: Uint8Array | string): Attack["send"] {
  return post(V1, gzipSync(body), { "Content-Encoding": "gzip" });
}

const zeros = gzipSync(Buffer.alloc(64 * MEBIBYTE));
const ratio = gzipSync(Buffer.alloc(8 * MEBIBYTE, "0,"));
const noise = gzipSync(Buffer.from(Array.from({ length: 4 * MEBIBYTE }, (_, index) => (index * 2654435761) >>> 24)));

/** Bodies whose bytes are not what the head says, or too many. */
export const BODY_ATTACKS: readonly Attack[] = [
  {
    name: "100,000 chunks of one byte",
    status: 400,
    send: raw(function* () {
      yield head("POST", V1, CHUNKED);
      for (let count = 0; count < 100; count++) yield "1\r\nx\r\n".repeat(1000);
      yield "0\r\n\r\n";
    }),
  },
  {
    name: "chunks of eight bytes until the limit",
    status: 413,
    send: raw(function* () {
      yield head("POST", SERVICES, { ...CHUNKED, "Content-Type": "application/json" });
      const piece = `8\r\n${" ".repeat(8)}\r\n`.repeat(10_000);
      for (let count = 0; count < 50; count++) yield piece;
      yield "0\r\n\r\n";
    }),
    body: "Status",
  },
  {
    name: "extensions of chunks without end",
    status: 413,
    send: raw(() => [head("POST", V1, CHUNKED), `1;${"x=y;".repeat(10_000)}\r\n`]),
    repeated: true,
  },
  { name: "a chunk whose size is no number", status: 400, send: raw(() => [head("POST", V1, CHUNKED), "zz\r\n"]), repeated: true },
  { name: "a chunk whose size overflows", status: 400, send: raw(() => [head("POST", V1, CHUNKED), "fffffffffffffffff\r\n"]) },
  { name: "a chunk that is longer than its size", status: 400, send: raw(() => [head("POST", V1, CHUNKED), "1\r\nxxxxxx\r\n"]) },
  {
    name: "more bytes than the limit, all sent at once",
    status: 413,
    send: raw(function* () {
      yield head("POST", V1, { "Content-Length": 2 * MAX_BODY_BYTES });
      const piece = Buffer.alloc(MEBIBYTE);
      for (let sent = 0; sent < 2 * MAX_BODY_BYTES; sent += MEBIBYTE) yield piece;
    }),
  },
  {
    name: "more bytes than the limit in chunks",
    status: 413,
    send: raw(function* () {
      yield head("POST", V1, CHUNKED);
      const piece = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(MEBIBYTE), Buffer.from("\r\n")]);
      for (let sent = 0; sent < 2 * MAX_BODY_BYTES; sent += MEBIBYTE) yield piece;
    }),
  },
  { name: "a gzip bomb", status: 413, send: post(V1, zeros, { "Content-Encoding": "gzip" }), repeated: 40 },
  {
    name: "a gzip bomb for the control API",
    status: 413,
    body: "Status",
    send: post(SERVICES, zeros, { "Content-Encoding": "gzip", "Content-Type": "application/json" }),
  },
  {
    name: "a body that compresses better than any text",
    status: 413,
    send: post(OIP, ratio, { "Content-Encoding": "gzip" }),
    repeated: 40,
  },
  {
    name: "a deflate bomb",
    status: 413,
    send: post(V1, deflateSync(Buffer.alloc(64 * MEBIBYTE)), { "Content-Encoding": "deflate" }),
    repeated: 40,
  },
  { name: "compressed bytes that are no JSON", status: 400, send: post(V1, noise, { "Content-Encoding": "gzip" }) },
  { name: "gzip in gzip", status: 415, send: post(V1, gzipSync(gzipSync("{}")), { "Content-Encoding": "gzip, gzip" }) },
  { name: "an encoding that is not known", status: 415, send: post(V1, "{}", { "Content-Encoding": "br" }) },
  {
    name: "an encoding that is not known, for the control API",
    status: 415,
    body: "Status",
    send: post(SERVICES, "{}", { "Content-Encoding": "br", "Content-Type": "application/json" }),
  },
  {
    name: "gzip that is cut off",
    status: 400,
    send: post(V1, gzipSync('{"instances":[1]}').subarray(0, -9), { "Content-Encoding": "gzip" }),
    repeated: true,
  },
  { name: "a body that is not gzip", status: 400, send: post(V1, "{}", { "Content-Encoding": "gzip" }) },
  { name: "gzip of nothing but brackets", status: 400, send: gzip("[".repeat(100_000)) },
];
