import { expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { createRecord, RequestContext } from "../../core/context.ts";
import type { HttpReply } from "../../core/http.ts";
import type { TopSnapshot } from "../../core/top.ts";
import { createTopRoute } from "./top.ts";

const clock = new FakeClock();
let asked: Array<string | undefined> = [];
const top = (namespace?: string): TopSnapshot => {
  asked.push(namespace);
  return { time: String(asked.length) } as TopSnapshot;
};

function ask(query: string, accept?: string): { readonly reply: HttpReply; readonly context: RequestContext } {
  const context = new RequestContext({ deadline: 1e9, record: createRecord("", "", 0) });
  const headers = accept === undefined ? {} : { accept };
  const request = { method: "GET", params: {}, headers, query: new URLSearchParams(query), context, body: new Uint8Array() };
  return { reply: createTopRoute(top, clock).handle(request) as HttpReply, context };
}

it("answers once, of the namespace that is asked for", () => {
  asked = [];
  expect(ask("namespace=team").reply.body).toBe('{"time":"1"}');
  expect(ask("watch=false").reply.body).toBe('{"time":"2"}');
  expect(asked).toEqual(["team", undefined]);
});

it.each([
  ["lines of JSON", undefined, "application/x-ndjson", '{"time":"1"}\n', '{"time":"2"}\n'],
  ["server-sent events", "text/event-stream", "text/event-stream; charset=utf-8", 'data: {"time":"1"}\n\n', 'data: {"time":"2"}\n\n'],
])("goes on as %s at the interval, until the client has gone", async (_name, accept, type, first, second) => {
  asked = [];
  const { reply, context } = ask("watch&interval=3", accept);
  expect(reply.headers?.["Content-Type"]).toBe(type);
  const pieces = (reply.body as AsyncIterable<string>)[Symbol.asyncIterator]();
  expect((await pieces.next()).value).toBe(first);
  let next: unknown;
  void pieces.next().then(({ value }) => {
    next = value;
  });
  await clock.advance(2_900);
  expect(next).toBeUndefined();
  await clock.advance(200);
  expect(next).toBe(second);
  const last = pieces.next();
  await settle();
  context.abort(new Error("gone"));
  expect((await last).done).toBe(true);
  expect(clock.timers).toBe(0);
});

it("refuses intervals and namespaces that cannot be", () => {
  for (const interval of ["0.1", "", "x", "4000"])
    expect(() => ask(`watch&interval=${interval}`)).toThrow("expected seconds from 0.5 to 3600");
  expect(() => ask("namespace=%00")).toThrow("expected the name of a namespace");
});
