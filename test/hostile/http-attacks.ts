import { type Attack, get, post, raw, V1 } from "./attack.ts";
import { exchange, head, Wire } from "./wire.ts";

const SMALL = '{"instances":[1]}';

/** Requests that are no requests, or more than one. */
export const HTTP_ATTACKS: readonly Attack[] = [
  { name: "headers of more than 16 KiB", status: 431, send: get("/v2", { "X-Long": "x".repeat(20_000) }), repeated: true },
  {
    name: "more than 100 headers",
    status: 431,
    send: get("/v2", Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x-${index}`, "1"]))),
    repeated: true,
  },
  {
    name: "thousands of headers of one byte",
    status: 431,
    send: raw(() => [`GET /v2 HTTP/1.1\r\nHost: a\r\n${"a:\r\n".repeat(3900)}\r\n`]),
  },
  { name: "a URL of more than 16 KiB", status: 431, send: get(`/v2/${"x".repeat(20_000)}`), repeated: true },
  { name: "a model name of 15 KiB", status: 404, send: get(`/v2/models/${"x".repeat(15_000)}`), repeated: true },
  { name: "HTTP/0.9", status: 400, send: raw(() => ["GET /v2\r\n\r\n"]) },
  { name: "bytes that are not HTTP", status: 400, send: raw(() => ["\x00\x01nonsense\r\n\r\n"]) },
  { name: "the preface of HTTP/2", status: 400, send: raw(() => ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) },
  { name: "an HTTP version that is none", status: 400, send: raw(() => ["GET /v2 HTTP/9.9\r\nHost: a\r\n\r\n"]) },
  { name: "a method that is none", status: 400, send: raw(() => ["HACK /v2 HTTP/1.1\r\nHost: a\r\n\r\n"]) },
  { name: "a method that no route has", status: 405, send: post("/v2", "", {}, "PROPFIND") },
  { name: "CONNECT", status: 405, send: raw(() => [head("CONNECT", "example.com:443")]) },
  { name: "no Host header", status: 400, send: raw(() => ["GET /v2 HTTP/1.1\r\n\r\n"]) },
  { name: "a NUL in a header", status: 400, send: raw(() => ["GET /v2 HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"]) },
  { name: "a line feed alone in a header", status: 400, send: raw(() => ["GET /v2 HTTP/1.1\r\nHost: a\r\nX: a\n b: c\r\n\r\n"]) },
  { name: "a control character in the path", status: 400, send: raw(() => ["GET /v2/\x01 HTTP/1.1\r\nHost: a\r\n\r\n"]) },
  { name: "an Expect that cannot be met", status: 417, send: post(V1, SMALL, { Expect: "200-ok" }) },
  {
    name: "Expect: 100-continue with a body that is too large",
    status: 413,
    send: raw(() => [head("POST", V1, { "Content-Length": 1e9, Expect: "100-continue" })]),
    repeated: true,
  },
  {
    name: "Expect: 100-continue for a model that is not there",
    status: 404,
    send: raw(() => [head("POST", "/v1/models/nope:predict", { "Content-Length": 100, Expect: "100-continue" })]),
  },
  {
    name: "Content-Length and Transfer-Encoding",
    status: 400,
    send: raw(() => [`${head("POST", V1, { "Content-Length": 4, "Transfer-Encoding": "chunked" })}0\r\n\r\nGET /v2 HTTP/1.1\r\n\r\n`]),
  },
  {
    name: "two lengths",
    status: 400,
    send: raw(() => [`POST ${V1} HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\nContent-Length: 18\r\n\r\n${SMALL}`]),
  },
  { name: "two lengths in one header", status: 400, send: post(V1, SMALL, { "Content-Length": "17, 17" }) },
  { name: "a negative length", status: 400, send: post(V1, SMALL, { "Content-Length": -1 }) },
  { name: "a length that is no number", status: 400, send: post(V1, SMALL, { "Content-Length": "0x11" }) },
  { name: "a length beyond 64 bits", status: 400, send: post(V1, SMALL, { "Content-Length": "99999999999999999999" }) },
  { name: "a length beyond the limit", status: 413, send: post(V1, SMALL, { "Content-Length": "18446744073709551" }) },
  {
    name: "a transfer encoding that does not end in chunked",
    status: 400,
    send: post(V1, SMALL, { "Transfer-Encoding": "chunked, gzip", "Content-Length": "" }),
  },
  {
    name: "a request hidden behind a body",
    status: 400,
    send: raw(() => [`${head("POST", V1, { "Content-Length": SMALL.length })}${SMALL}HIDDEN /admin`, "\r\n\r\n"], 1),
  },
  {
    name: "a body that ends before its length",
    status: 400,
    async send(url) {
      const wire = new Wire(url);
      wire.socket.end(`${head("POST", V1, { "Content-Length": 1000 })}${SMALL}`);
      return (await wire.received(1))[0];
    },
    repeated: true,
  },
  {
    name: "thousands of requests without waiting",
    status: 429,
    async send(url) {
      const request = head("POST", V1, { "Content-Length": SMALL.length }).concat(SMALL);
      const replies = await exchange(url, [request.repeat(5000)], 5000);
      return replies.find(({ status }) => status === 429);
    },
  },
];
