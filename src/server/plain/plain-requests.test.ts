import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { FakeClock } from "../../../test/fake-clock.ts";
import { head, Wire, whole } from "../../../test/hostile/wire.ts";
import { httpServerOptions } from "../../../test/http-server-options.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { createHttpServer, type HttpServer } from "../index.ts";

let server: HttpServer | undefined;
afterEach(() => server?.destroy());

async function start(route: Partial<Route>): Promise<{ url: string; clock: FakeClock }> {
  const clock = new FakeClock();
  server = createHttpServer({
    ...httpServerOptions(),
    clock,
    serverTiming: true,
    routes: [
      {
        method: "POST",
        path: "/",
        access: "public",
        protocol: "v2",
        handle: ({ body }) => ({ status: 200, headers: { "Content-Type": "text/plain" }, body: `${Buffer.from(body)}` }),
        fail: ({ message }: ServeError) => ({ status: 400, body: message }),
        ...route,
      },
    ],
  });
  return { url: `http://127.0.0.1:${await server.listen(0, "127.0.0.1")}`, clock };
}

const KINDS: Readonly<Record<string, HttpReply["body"] | Error>> = {
  empty: "",
  ascii: "one line",
  unicode: "ein Wörtchen 漢字 🙂",
  bytes: Buffer.from([0, 255, 13, 10]),
  "many bytes": Buffer.alloc(40_000, 7),
  parts: [Buffer.from("head"), Buffer.alloc(20_000, 1)],
  large: "x".repeat(3_000_000),
  error: new ServeError("INVALID_ARGUMENT", "nein: ö"),
};

function handleKind({ body, headers }: HttpRequest): HttpReply {
  const kind = Buffer.from(body).toString();
  if (kind === "stream") {
    const pieces = ["", "first ö ", Buffer.from("second"), "x".repeat(100_000)];
    return {
      status: 201,
      body: (async function* () {
        yield* pieces;
      })(),
    };
  }
  const found = KINDS[kind];
  if (found === undefined || found instanceof Error) throw found;
  return { status: 200, headers: { "X-Seen": String(headers["x-sent"]) }, body: found };
}

it.each([...Object.keys(KINDS), "stream"])("answers as Node does: %s", async (kind) => {
  const { url } = await start({ handle: handleKind });
  const answers = [{ "Content-Length": String(kind.length) }, { "Transfer-Encoding": "chunked" }].map(async (framing) => {
    // A body in chunks is never plain.
    const duplex = "Transfer-Encoding" in framing ? ({ duplex: "half" } as const) : {};
    const body = "Transfer-Encoding" in framing ? new Blob([kind]).stream() : kind;
    const reply = await fetch(url, { method: "POST", body, headers: { "X-Sent": "this" }, ...duplex });
    const { date: _date, ...headers } = Object.fromEntries(reply.headers);
    return { status: reply.status, headers, body: Buffer.from(await reply.arrayBuffer()).toString("base64") };
  });
  const [plain, byNode] = await Promise.all(answers);
  expect(plain).toEqual(byNode);
});

it.each(["a", "漢"])("sends a character of a head in one byte, whatever the body has: %s", async (body) => {
  const { url } = await start({ handle: () => ({ status: 200, headers: { "X-Latin": "caf\xe9" }, body }) });
  const reply = await fetch(url, { method: "POST", body: "" });
  expect([reply.headers.get("x-latin"), await reply.text()]).toEqual(["caf\xe9", body]);
});

it("sends no head that a value would cut in two", async () => {
  const { url } = await start({ handle: () => ({ status: 200, headers: { "X-A": "a\r\nX-B: b" }, body: "" }) });
  const wire = new Wire(url);
  await wire.send([whole("/", "")]);
  const [reply] = await wire.received(1);
  expect([reply?.status, reply?.headers.has("x-b")]).toEqual([400, false]);
});

it("answers all requests of a connection in their order, however their bytes come", async () => {
  const { url, clock } = await start({});
  const bodies = ["first", "", "third ö", "x".repeat(20_000), "last"];
  const bytes = Buffer.concat(bodies.map((body, index) => whole("/", body, index === 2 ? { "X-Other": "1" } : {})));
  const cuts = fc.uniqueArray(fc.nat({ max: bytes.byteLength }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, fc.boolean(), async (at, waits) => {
      const wire = new Wire(url);
      const edges = [0, ...at.sort((a, b) => a - b), bytes.byteLength];
      for (let index = 1; index < edges.length; index++) {
        await wire.send([bytes.subarray(edges[index - 1], edges[index])]);
        await new Promise((resolve) => setImmediate(resolve));
        if (waits) await clock.advance(60);
      }
      wire.socket.end();
      const replies = await wire.received(bodies.length);
      expect(replies.map(({ body }) => body)).toEqual(bodies);
      wire.socket.destroy();
    }),
    { numRuns: 60 },
  );
});

it("waits for the rest of a small body for a moment, and then gives the connection to Node, which asks the gate first", async () => {
  let asked: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let isAsked = false;
  const { url, clock } = await start({
    gate: () => {
      isAsked = true;
      asked();
    },
  });
  const wire = new Wire(url);
  await wire.send([head("POST", "/", { "Content-Length": 4 }), "ab"]);
  // The sweep of connections, and the wait.
  while (clock.timers < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(isAsked).toBe(false);
  await clock.advance(50);
  await gate;
  await wire.send(["cd"]);
  expect((await wire.received(1))[0]?.body).toBe("abcd");
  wire.socket.destroy();
});

it("tells a client that ends its side within a request so, and nothing before that", async () => {
  const { url } = await start({});
  const wire = new Wire(url);
  wire.socket.end(`${head("POST", "/", { "Content-Length": 4 })}ab`);
  expect((await wire.received(1)).map(({ status, body }) => `${status} ${body}`)).toEqual([
    "400 the client ended the connection within the request",
  ]);
});

it("answers a client that has ended its side, and ends the connection then", async () => {
  const { url } = await start({});
  const wire = new Wire(url);
  wire.socket.end(whole("/", "all"));
  expect((await wire.received(1))[0]?.body).toBe("all");
  await wire.closed;
});

it("answers in their order what comes while an answer is under way", async () => {
  const { url } = await start({
    handle: async ({ body }) => {
      // Long enough for the rest to come in one turn with the answer.
      const until = performance.now() + 50;
      if (body.byteLength === 1) {
        await new Promise((resolve) => setImmediate(resolve));
        while (performance.now() < until);
      } else await new Promise((resolve) => setTimeout(resolve, 20));
      return { status: 200, body: String(body.byteLength) };
    },
  });
  const wire = new Wire(url);
  const second = Buffer.from(whole("/", "x".repeat(66_000)));
  await wire.send([whole("/", "a"), second.subarray(0, 1000)]);
  await wire.send([second.subarray(1000)]);
  await wire.send([whole("/", "ccc")]);
  expect((await wire.received(3)).map(({ body }) => body)).toEqual(["1", "66000", "3"]);
  wire.socket.destroy();
});

it("hears that a client has gone that has sent much behind a request, and ends the connection of one that has not", async () => {
  let answer: () => void = () => undefined;
  const gone = new Promise<string>((resolve) => {
    void start({
      handle: ({ context }) =>
        new Promise((settle) => {
          context.onAbort((reason) => resolve((reason as ServeError).code));
          answer = () => settle({ status: 200, body: "first" });
        }),
    }).then(async ({ url }) => {
      for (const leaves of [false, true]) {
        const wire = new Wire(url);
        await wire.send([whole("/", "a")]);
        await new Promise((settle) => setTimeout(settle, 20));
        await wire.send([Buffer.alloc(600_000, 32)]);
        if (leaves) wire.socket.resetAndDestroy();
        else answer();
        if (!leaves) expect((await wire.received(1))[0]?.body).toBe("first");
        await wire.closed;
      }
    });
  });
  expect(await gone).toBe("CANCELLED");
});

it("ends connections that say nothing at all, and those that say nothing more", async () => {
  const { url, clock } = await start({});
  const [silent, kept] = [new Wire(url), new Wire(url)];
  await kept.send([whole("/", "one")]);
  await kept.received(1);
  while (clock.timers < 1) await new Promise((resolve) => setImmediate(resolve));
  // The first look may come at once.
  for (let second = 0; second < 11; second++) await clock.advance(1000);
  expect((await silent.received(1))[0]?.status).toBe(408);
  await kept.send([whole("/", "two")]);
  expect((await kept.received(2)).map(({ body }) => body)).toEqual(["one", "two"]);
  for (let second = 0; second < 64; second++) await clock.advance(1000);
  await kept.send([whole("/", "three")]);
  expect(await kept.received(3)).toHaveLength(3);
  for (let second = 0; second < 67; second++) await clock.advance(1000);
  await kept.closed;
});
