import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { httpServerOptions } from "../../test/http-server-options.ts";
import { ServeError } from "../core/errors.ts";
import type { HttpMethod, HttpRequest, Route } from "../core/http.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./index.ts";

let server: HttpServer | undefined;

afterEach(() => server?.destroy());

function start(...routes: readonly Partial<Route>[]): Promise<string> {
  return startWith({}, ...routes);
}

async function startWith(options: Partial<HttpServerOptions>, ...routes: readonly Partial<Route>[]): Promise<string> {
  const fail = ({ message }: ServeError) => ({ status: 500, body: message });
  server = createHttpServer({
    ...httpServerOptions(),
    routes: routes.map((route) => ({
      method: "GET",
      path: "/",
      access: "public" as const,
      fail,
      handle: () => ({ status: 200, body: "" }),
      ...route,
    })),
    ...options,
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

it("refuses what comes while it drains, but tells whether it lives, and answers what is under way", async () => {
  let answer: (reply: { status: number; body: string }) => void = () => undefined;
  let begun: () => void = () => undefined;
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const fail = ({ code, retryAfter }: ServeError) => ({ status: 503, headers: { "Retry-After": String(retryAfter) }, body: code });
  const handle = () => {
    begun();
    return new Promise<{ status: number; body: string }>((resolve) => {
      answer = resolve;
    });
  };
  const url = await start({ path: "/health" }, { path: "/slow", access: "infer", fail, handle });
  const underWay = fetch(`${url}/slow`);
  await beginning;
  const closed = server?.close();
  const refused = await fetch(`${url}/slow`);
  expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("connection")]).toEqual([503, "1", "close"]);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  answer({ status: 200, body: "done" });
  const last = await underWay;
  // Or a client would send its next request on a connection that is about to end.
  expect([last.headers.get("connection"), await last.text()]).toEqual(["close", "done"]);
  await closed;
  await expect(fetch(`${url}/health`)).rejects.toThrow("fetch failed");
});

it("ends open streams and goes on", async () => {
  const { route, ended } = endless();
  const url = await start(route);
  const reply = await fetch(`${url}/watch`);
  server?.endStreams();
  expect(await reply.text()).toBe("last");
  expect(await ended).toBe("UNAUTHENTICATED");
  expect((await fetch(`${url}/watch`)).status).toBe(200);
});

it("asks the guard before anything else, and says how to be let in", async () => {
  let handled = 0;
  const refuse = () => {
    throw new ServeError("UNAUTHENTICATED", "who are you?");
  };
  const handle = () => ({ status: 200, body: String(++handled) });
  const url = await startWith({ guard: refuse }, { handle, gate: handle });
  const reply = await fetch(url);
  expect(reply.headers.get("www-authenticate")).toBe('Bearer realm="nitrous"');
  expect(await reply.text()).toBe("who are you?");
  expect(handled).toBe(0);
});

it("asks the guard again when the body has named the model, before the route does anything", async () => {
  const asked: unknown[] = [];
  const guard: HttpServerOptions["guard"] = ({ target, targetInBody }, head) => {
    const model = target?.(head)?.name;
    asked.push([targetInBody !== undefined, model]);
    if (model === "secret") throw new ServeError("PERMISSION_DENIED", "not that one");
    return model === undefined ? "" : "ann";
  };
  const targetInBody: Route["targetInBody"] = async ({ body }) => ({ namespace: "default", name: Buffer.from(body).toString() });
  const handle: Route["handle"] = ({ context }) => ({ status: 200, body: context.principal });
  const url = await startWith({ guard }, { method: "POST", targetInBody, handle });
  expect(await (await fetch(url, { method: "POST", body: "open" })).text()).toBe("ann");
  expect(await (await fetch(url, { method: "POST", body: "secret" })).text()).toBe("not that one");
  expect(asked).toEqual([
    [true, undefined],
    [false, "open"],
    [true, undefined],
    [false, "secret"],
  ]);
});

describe("TLS", () => {
  const stored = (name: string): Buffer => readFileSync(fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url)));
  const pair = (name: string) => ({ cert: stored(`${name}.crt`), key: stored(`${name}.key`), minVersion: "TLSv1.2" as const });

  /** The name in the certificate that a new connection sees, and what it is answered. */
  async function ask(port: number, options: ConnectionOptions = {}): Promise<{ name: string; answer: string }> {
    const socket = connectTls({ host: "127.0.0.1", port, ca: [stored("first.crt"), stored("second.crt")], ...options });
    await once(socket, "secureConnect");
    const { subject } = socket.getPeerCertificate();
    let answer = "";
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for await (const text of socket.setEncoding("utf8")) answer += text;
    return { name: String(subject.CN), answer };
  }

  it("is spoken with the certificate that was set last", async () => {
    const port = Number(new URL(await startWith({ tls: pair("first") }, {})).port);
    expect(await ask(port)).toMatchObject({ name: "nitrous test first", answer: expect.stringMatching(/^HTTP\/1.1 200/) });
    server?.setCertificate(pair("second"));
    expect(await ask(port)).toMatchObject({ name: "nitrous test second" });
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });

  it("is not spoken in versions before 1.2, before and after a change", async () => {
    const port = Number(new URL(await startWith({ tls: pair("first") }, {})).port);
    const old: ConnectionOptions = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" };
    await expect(ask(port, old)).rejects.toThrow(/alert protocol version/);
    server?.setCertificate(pair("second"));
    await expect(ask(port, old)).rejects.toThrow(/alert protocol version/);
    expect((await ask(port, { maxVersion: "TLSv1.2" })).answer).toMatch(/^HTTP\/1.1 200/);
  });
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

it("takes bodies and sends answers that are larger than what one turn of the event loop copies", async () => {
  const bytes = Buffer.alloc(5_000_000, "0123456789");
  const url = await startWith(
    { maxBodyBytes: 1e8 },
    { method: "POST", handle: ({ body }) => ({ status: 200, body: [body.subarray(0, 7), body.subarray(7)] }) },
  );
  for (const encoding of ["identity", "gzip"]) {
    const response = await fetch(url, { method: "POST", body: bytes, headers: { "Accept-Encoding": encoding } });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    if (encoding === "identity") expect(response.headers.get("content-length")).toBe("5000000");
  }
});
