import { afterEach, expect, it } from "vitest";
import { httpServerOptions } from "../../test/http-server-options.ts";
import { ServeError } from "../core/errors.ts";
import { createEvents } from "../core/events.ts";
import type { Exchange } from "../core/exchange.ts";
import type { HttpRequest, Route } from "../core/http.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./index.ts";

let server: HttpServer | undefined;

afterEach(() => server?.destroy());

function handle({ context, body }: HttpRequest): ReturnType<Route["handle"]> {
  const text = Buffer.from(body).toString();
  if (text === "full") throw new ServeError("RESOURCE_EXHAUSTED", "the queue is full", { refusal: "queue_full" });
  context.record.queuedAt = context.record.startedAt;
  if (text === "late") throw new ServeError("DEADLINE_EXCEEDED", "too late");
  Object.assign(context.record, { queueMs: 0.25, computeMs: 1.5, batchSize: 7 });
  const stream = async function* () {
    yield text;
  };
  return { status: 200, body: text === "stream" ? stream() : text };
}

async function start(options: Partial<HttpServerOptions> = {}): Promise<string> {
  const route: Route = {
    method: "POST",
    path: "/models/{model}/infer",
    access: "infer",
    protocol: "test",
    handle,
    fail: ({ code, message }) => ({ status: code === "RESOURCE_EXHAUSTED" ? 429 : code === "UNAUTHENTICATED" ? 401 : 504, body: message }),
  };
  server = createHttpServer({
    ...httpServerOptions(),
    routes: [route, { ...route, path: "/plain", protocol: "" }],
    guard: (_, { headers }) => {
      if (headers["x-refuse"] !== undefined) throw new ServeError("RESOURCE_EXHAUSTED", "too many", { refusal: "rate_limit" });
      return "";
    },
    serverTiming: true,
    ...options,
  });
  return `http://127.0.0.1:${await server.listen(0, "127.0.0.1")}`;
}

async function timingOf(url: string, body: string): Promise<string | null> {
  const response = await fetch(`${url}/models/iris/infer`, { method: "POST", body });
  await response.text();
  return response.headers.get("server-timing")?.replace(/(total|queue);dur=[\d.]+/g, "$1") ?? null;
}

it("says in Server-Timing where the time went, also of what was refused or came too late", async () => {
  const url = await start();
  expect(await timingOf(url, "ok")).toBe('total, queue, compute;dur=1.500, batch;desc="7"');
  expect(await timingOf(url, "x".repeat(5000))).toBe('total, queue, compute;dur=1.500, batch;desc="7"');
  expect(await timingOf(url, "full")).toBe('total, refused;desc="queue_full"');
  expect(await timingOf(url, "late")).toBe("total, queue");
  expect(await timingOf(url, "stream")).toBe(null);
});

it("says nothing when that is off", async () => {
  const url = await start({ serverTiming: false });
  for (const body of ["ok", "full"]) expect(await timingOf(url, body)).toBe(null);
});

it("announces what it answers without a record, by status", async () => {
  const events = createEvents();
  const told: unknown[] = [];
  events.on("http-refused", (answer) => told.push(answer));
  const url = await start({ events });
  await fetch(`${url}/nowhere`);
  await fetch(`${url}/plain`);
  await fetch(`${url}/models/iris/infer`, { method: "POST", headers: { "x-refuse": "1" } });
  await fetch(url, { headers: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, "1"])) });
  expect(told).toEqual([
    { status: 404, refusal: undefined },
    { status: 405, refusal: undefined },
    { status: 429, refusal: "rate_limit" },
    { status: 431, refusal: undefined },
  ]);
});

it("hands over each inference request at its end, with its body, its status and why it was refused", async () => {
  const exchanges: Exchange[] = [];
  const url = await start({ onExchange: (exchange) => exchanges.push(exchange) });
  for (const body of ["ok", "full"]) {
    const response = await fetch(`${url}/models/iris/infer?x=1`, { method: "POST", body });
    await response.text();
  }
  const shown = exchanges.map(({ context, method, path, route, headers, body = [], status }) => [
    method,
    path,
    route,
    headers["content-type"],
    Buffer.from(body).toString(),
    status,
    context.record.outcome,
    context.record.refusal,
  ]);
  const same = ["POST", "/models/iris/infer?x=1", "/models/{model}/infer", "text/plain;charset=UTF-8"];
  expect(shown).toEqual([
    [...same, "ok", 200, "OK", undefined],
    [...same, "full", 429, "RESOURCE_EXHAUSTED", "queue_full"],
  ]);
});
