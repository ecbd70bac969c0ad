import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { createEvents } from "../core/events.ts";
import type { HttpMethod, HttpRequest, Route } from "../core/http.ts";
import { createHttpServer, type HttpServer } from "./index.ts";

let server: HttpServer | undefined;

afterEach(() => server?.destroy());

async function start(...routes: readonly Partial<Route>[]): Promise<string> {
  const fail = ({ message }: ServeError) => ({ status: 500, body: message });
  server = createHttpServer({
    routes: routes.map((route) => ({
      method: "GET",
      path: "/",
      access: "public" as const,
      fail,
      handle: () => ({ status: 200, body: "" }),
      ...route,
    })),
    guard: () => undefined,
    clock: systemClock,
    events: createEvents(),
    maxBodyBytes: 1e6,
    requestTimeoutMs: 1e6,
    unknown: (status) => ({ status, body: "" }),
    onFault: () => undefined,
  });
  return `http://127.0.0.1:${await server.listen(0, "127.0.0.1")}`;
}

/** A stream without an end of its own, and how it ended. */
function endless(): { route: Partial<Route>; ended: Promise<string> } {
  let end: (how: string) => void;
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  const handle = ({ context }: HttpRequest) => ({
    status: 200,
    body: (async function* () {
      yield "";
      if (!context.signal.aborted) await once(context.signal, "abort");
      end((context.aborted as ServeError).code);
      yield "last";
    })(),
  });
  return { route: { path: "/watch", openEnded: true, handle }, ended };
}

it.each<HttpMethod>(["POST", "PUT", "PATCH", "DELETE"])("reads the body of %s", async (method) => {
  const url = await start({ method, handle: ({ body }) => ({ status: 200, body: `${method} ${Buffer.from(body)}` }) });
  expect(await (await fetch(url, { method, body: "text" })).text()).toBe(`${method} text`);
  expect(await (await fetch(url, { method })).text()).toBe(`${method} `);
  expect((await fetch(url)).headers.get("allow")).toBe(method);
});

it("sends the head of a stream before its first piece, and ends it when it closes", async () => {
  const { route, ended } = endless();
  const reply = await fetch(`${await start(route)}/watch`);
  expect(reply.status).toBe(200);
  await server?.close();
  expect(await reply.text()).toBe("last");
  expect(await ended).toBe("UNAVAILABLE");
});

it("finishes other streams when it closes", async () => {
  let finish = (): void => undefined;
  const body = async function* () {
    yield "first ";
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    yield "last";
  };
  const reply = await fetch(await start({ handle: () => ({ status: 200, body: body() }) }));
  const closed = server?.close();
  finish();
  expect(await reply.text()).toBe("first last");
  await closed;
});

it("ends a stream whose client goes away", async () => {
  const { route, ended } = endless();
  const controller = new AbortController();
  await fetch(`${await start(route)}/watch`, { signal: controller.signal });
  controller.abort();
  expect(await ended).toBe("CANCELLED");
});

it("cuts off a client that does not read its stream when it closes", async () => {
  let full = (): void => undefined;
  const filled = new Promise<void>((resolve) => {
    full = resolve;
  });
  const handle = ({ context }: HttpRequest) => ({
    status: 200,
    body: (async function* () {
      const piece = "x".repeat(1e6);
      // More than the buffers of two sockets hold.
      for (let count = 0; !context.signal.aborted; count++) {
        if (count === 3) setImmediate(full);
        yield piece;
      }
    })(),
  });
  const url = await start({ openEnded: true, handle });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await filled;
  await server?.close();
  socket.destroy();
});

it("does not end a stream that fails as if it were whole", async () => {
  const body = async function* () {
    yield "first";
    await new Promise((resolve) => setImmediate(resolve));
    throw new ServeError("INTERNAL", "broke");
  };
  const reply = await fetch(await start({ handle: () => ({ status: 200, body: body() }) }));
  await expect(reply.text()).rejects.toThrow();
});
