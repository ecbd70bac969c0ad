import fc from "fast-check";
import { expect, it } from "vitest";
import { type Answer, AnswerReader } from "./answer-reader.ts";

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"a":"\r\n\r"}';
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\n{"a":1\r\n1\r\n}\r\n0\r\n\r\n';
const NO_CHUNKS = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
const EMPTY = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const CONTINUED = `HTTP/1.1 100 Continue\r\n\r\n${SIZED}`;

const answers: ReadonlyArray<readonly [string, Answer]> = [
  [SIZED, { status: 200, last: false }],
  [CHUNKED, { status: 200, last: false }],
  [NO_CHUNKS, { status: 503, last: false }],
  [CONTINUED, { status: 200, last: false }],
  [EMPTY, { status: 429, last: true }],
];

it("finds the end of each answer, wherever the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([...answers], { minLength: 1 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 30 })),
      (chosen, sizes) => {
        const reader = new AnswerReader();
        const found = chosen.map(([text]) => {
          const bytes = Buffer.from(text, "latin1");
          let answer: Answer | undefined;
          for (let start = 0; start < bytes.length; ) {
            // An answer must not be complete before its last byte is there.
            expect(answer).toBeUndefined();
            const size = sizes.next().value as number;
            answer = reader.push(bytes.subarray(start, start + size));
            start += size;
          }
          return answer;
        });
        expect(found).toEqual(chosen.map(([, answer]) => answer));
      },
    ),
  );
});

it("refuses what is no answer", () => {
  expect(() => new AnswerReader().push(Buffer.from("SSH-2.0-OpenSSH\r\n\r\n"))).toThrow(/HTTP\/1\.1/);
  expect(() => new AnswerReader().push(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"))).toThrow(/length/);
});
