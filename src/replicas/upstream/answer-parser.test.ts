import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../../core/errors.ts";
import { AnswerParser, type WholeAnswer } from "./answer-parser.ts";

const MOST = 1000;

/** What becomes of bytes that come in pieces of these sizes, and then of the connection's end. */
function read(text: string, sizes: readonly number[] = [text.length]): WholeAnswer | undefined {
  const parser = new AnswerParser(MOST);
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    const answer = parser.push(bytes.subarray(at, at + size));
    at += size;
    if (answer !== undefined) return answer;
  }
  return parser.end();
}

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

describe("answers of a server", () => {
  it.each([
    ["a length", `${HEAD}Content-Length: 5\r\n\r\nhello`, "hello", true],
    ["a length of nothing", `${HEAD}Content-Length: 0\r\n\r\n`, "", true],
    ["the same length twice", `${HEAD}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`, "hello", true],
    ["chunks", `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: z\r\n\r\n`, "hello", true],
    ["chunks and a length", `${HEAD}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, "hello", false],
    ["the connection's end", `${HEAD}\r\nhello`, "hello", false],
    ["a connection that closes", `${HEAD}Connection: close\r\nContent-Length: 5\r\n\r\nhello`, "hello", false],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false],
    ["HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", "hello", true],
    ["no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello", true],
    [
      "heads before it",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${HEAD}Content-Length: 5\r\n\r\nhello`,
      "hello",
      true,
    ],
    ["no content", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", true],
  ])("are whole with %s, however they come", (_, text, body, reusable) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const answer = read(text, sizes);
        expect([answer?.body.toString(), answer?.reusable]).toEqual([body, reusable]);
      }),
    );
    // One that lasts until the connection ends cannot be told from one that was cut off.
    if (text.endsWith(`${HEAD}\r\nhello`)) return;
    for (let end = 1; end < text.length; end++) expect(read(text.slice(0, end))).toBeUndefined();
  });

  it("have headers by small names, those that come twice together", () => {
    const { status, headers } =
      read("HTTP/1.1 503 Busy\r\nRetry-After:  7 \r\nX: a\r\nx: b\r\n__proto__: c\r\nContent-Length: 0\r\n\r\n") ?? {};
    expect(status).toBe(503);
    expect(Object.entries(headers ?? {})).toEqual([
      ["retry-after", "7"],
      ["x", "a, b"],
      ["__proto__", "c"],
      ["content-length", "0"],
    ]);
  });

  it("leave nothing to the next question", () => {
    expect(read(`${HEAD}Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n`)).toMatchObject({ reusable: false });
  });

  it.each([
    ["SSH-2.0-x\r\n", "it begins with"],
    ["HTTP/2 200\r\n\r\n", "it begins with"],
    ["HTTP/1.1 20 OK\r\n\r\n", "it begins with"],
    [`${HEAD} folded: x\r\n\r\n`, "is no header"],
    [`${HEAD}Bad Name: x\r\n\r\n`, "is no header"],
    [`${HEAD}nothing\r\n\r\n`, "is no header"],
    [`${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, 'its length is "5, 6"'],
    [`${HEAD}Content-Length: -5\r\n\r\n`, 'its length is "-5"'],
    [`${HEAD}Content-Length: 0x5\r\n\r\n`, "its length is"],
    [`${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n`, "its transfer coding is"],
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, "does not say its size"],
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n`, "longer than it says"],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`, "more than 65536 bytes"],
  ])("are refused: %j", (text, message) => {
    expect(() => read(text, [7, 50_000])).toThrow(message);
    expect(() => read(text)).toThrow(ServeError);
  });

  it("are enough of a refusal after 64 KiB", () => {
    const head = "HTTP/1.1 500 No\r\nContent-Length: 999999999\r\n\r\n";
    const parser = new AnswerParser(1e9);
    expect(parser.push(Buffer.from(`${head}${"x".repeat(60_000)}`))).toBeUndefined();
    const answer = parser.push(Buffer.alloc(60_000));
    expect([answer?.status, answer?.body.length, answer?.reusable]).toEqual([500, 120_000, false]);
  });

  it("have no more than they may have", () => {
    expect(() => read(`${HEAD}Content-Length: 5000\r\n\r\n${"x".repeat(5000)}`)).toThrow("more than the 1000 bytes");
    expect(() => read(`${HEAD}\r\n${"x".repeat(5000)}`)).toThrow("more than the 1000 bytes");
    expect(() => read(`${HEAD}Transfer-Encoding: chunked\r\n\r\nfff\r\n${"x".repeat(4095)}`)).toThrow("more than the 1000 bytes");
  });
});
