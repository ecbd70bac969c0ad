import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readPlainHead } from "./read-head.ts";

const read = (text: string) => readPlainHead(Buffer.from(text, "latin1"), undefined);
const get = (...lines: readonly string[]) => read(["GET /v2 HTTP/1.1", "Host: a", ...lines, "", ""].join("\r\n"));

it("reads what nearly all clients send", () => {
  const head = read(
    "POST /v2/models/iris/infer?x=1 HTTP/1.1\r\nHost: a:8080\r\nUser-Agent:  some/1.0 (x) \t\r\nX-Empty:\r\ncontent-length: 12\r\n\r\n{}",
  );
  expect(head).toMatchObject({ method: "POST", url: "/v2/models/iris/infer?x=1", bytes: 12 });
  expect(head?.headers).toEqual({ host: "a:8080", "user-agent": "some/1.0 (x)", "x-empty": "", "content-length": "12" });
  expect(get("Connection: Keep-Alive")?.bytes).toBe(0);
});

it("takes a head that came before as it was read then", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const first = readPlainHead(bytes, undefined);
  expect(readPlainHead(bytes, first)).toBe(first);
  expect(readPlainHead(Buffer.from("GET /other HTTP/1.1\r\nHost: a\r\n\r\n"), first)?.url).toBe("/other");
});

it.each([
  ["a head that is not whole", "GET / HTTP/1.1\r\nHost: a\r\n"],
  ["another method", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n"],
  ["a whole URL", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n"],
  ["no headers", "GET / HTTP/1.1\r\n\r\n"],
  ["a line feed alone", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["more bytes than a plain head has", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(5000)}\r\n\r\n`],
])("leaves %s to Node", (_what, text) => expect(read(text)).toBe(undefined));

it.each([
  "Transfer-Encoding: chunked",
  "Expect: 100-continue",
  "Upgrade: h2c",
  "Connection: close",
  "Connection: keep-alive, upgrade",
  "Host: b",
  "hOST: a",
  "Content-Length: 1",
  "Content-Length: +0",
  "Content-Length: 0x0",
  "Content-Length: 0, 0",
  "Content-Length: ",
  "__proto__: a",
  "constructor: a",
  "X : a",
  ": a",
  "X",
  " folded: a",
  "X: a\0",
  "X: a\nY: b",
  "X: a\rY: b",
  "X: \xe9",
  ...[Array.from({ length: 100 }, (_, index) => `x-${index}: 1`).join("\r\n")],
])("leaves a head with %j to Node", (line) => expect(get(line)).toBe(undefined));

let port = 0;
const server = createServer((request, response) => {
  const { method, url, headers } = request;
  request.resume().on("end", () => response.end(JSON.stringify({ method, url, headers })));
});
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close().closeAllConnections());

/** What Node reads of a request; undefined when it refuses it. */
async function readByNode(bytes: Buffer): Promise<unknown> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  let text = "";
  socket.setEncoding("utf8").on("data", (data: string) => {
    text += data;
    if (/\{.*\}/.test(text) || text.startsWith("HTTP/1.1 4")) socket.destroy();
  });
  socket.write(bytes);
  await once(socket, "close");
  return text.startsWith("HTTP/1.1 200") ? JSON.parse(/\{.*\}/.exec(text)?.[0] ?? "") : undefined;
}

it("reads nothing in another way than Node does", async () => {
  const odd = fc.constantFrom("\r\n", "\n", "\r", ":", " ", "\t", "\0", "\x7f", "\xe9", ",", "", "chunked", "7", "GET / HTTP/1.1\r\n");
  const value = fc.string({ unit: fc.constantFrom(..."ab1 \t,;:\"'%/=\\"), maxLength: 8 });
  const name = fc.constantFrom(
    "X-A",
    "x-a",
    "Accept",
    "Cookie",
    "Content-Length",
    "Content-Type",
    "Connection",
    "TE",
    "X_y",
    "Date",
    "Set-Cookie",
  );
  const header = fc
    .tuple(name, fc.constantFrom(":", ": ", ":\t "), fc.oneof(value, fc.constantFrom("0", "2", "keep-alive")))
    .map((parts) => parts.join(""));
  const line = fc.tuple(
    fc.constantFrom("GET", "POST", "get", "HEAD"),
    fc.constantFrom("/", "/a?b=%20#c", '/"<>|', "*", "/a b"),
    fc.constantFrom("HTTP/1.1", "HTTP/1.0"),
  );
  const whole = fc
    .tuple(line, fc.uniqueArray(header, { maxLength: 4, selector: (text) => text.split(":")[0]?.toLowerCase() }))
    .map(([[method, url, version], headers]) => [`${method} ${url} ${version}`, "Host: a", ...headers, "", ""].join("\r\n"));
  const broken = fc
    .tuple(whole, odd, fc.nat({ max: 200 }), fc.nat({ max: 2 }))
    .map(([text, piece, at, removed]) => text.slice(0, at) + piece + text.slice(at + removed));
  let plain = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(whole, broken), async (text) => {
      const bytes = Buffer.concat([Buffer.from(text, "latin1"), Buffer.from("{}")]);
      const head = readPlainHead(bytes, undefined);
      if (head === undefined || head.bytes > 2) return;
      plain++;
      const { method, url, headers } = head;
      expect(await readByNode(bytes.subarray(0, head.text.length + head.bytes))).toEqual({ method, url, headers });
    }),
    { numRuns: 2000 },
  );
  expect(plain).toBeGreaterThan(50);
});
