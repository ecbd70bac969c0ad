import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { httpServerOptions } from "../../test/http-server-options.ts";
import type { RequestRecord } from "../core/context.ts";
import { createEvents } from "../core/events.ts";
import type { HttpRequest, Route } from "../core/http.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./index.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

let server: HttpServer | undefined;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.destroy();
});

/** Requests that have begun, in their order, and how each ended. */
interface Watched {
  readonly port: number;
  readonly begun: HttpRequest[];
  readonly finished: RequestRecord[];
  until(isReached: () => boolean): Promise<void>;
}

async function start(handle: Route["handle"], options: Partial<HttpServerOptions> = {}): Promise<Watched> {
  const begun: HttpRequest[] = [];
  const finished: RequestRecord[] = [];
  const events = createEvents();
  events.on("request-finished", (record) => finished.push(record));
  const route: Route = {
    method: "GET",
    path: "/",
    protocol: "v2",
    access: "public",
    handle: (request) => {
      begun.push(request);
      return handle(request);
    },
    fail: ({ message }) => ({ status: 500, body: message }),
  };
  server = createHttpServer({
    ...httpServerOptions(),
    routes: [route],
    events,
    ...options,
  });
  const until = async (isReached: () => boolean): Promise<void> => {
    while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  return { port: await server.listen(0, "127.0.0.1"), begun, finished, until };
}

function client(port: number, text: string): Socket {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true }).on("error", () => undefined);
  sockets.push(socket);
  socket.write(text);
  return socket;
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** Rejects when nobody waits any more. */
const forEver: Route["handle"] = ({ context }) => new Promise((_, reject) => context.onAbort(reject));

const outcomes = ({ finished }: Watched) => finished.map(({ outcome, stage }) => `${outcome} ${stage}`);

it.each(["destroy", "resetAndDestroy"] as const)("tells all requests of a connection that it has ended (%s), and drains", async (how) => {
  const watched = await start(forEver);
  const socket = client(watched.port, GET.repeat(5));
  await watched.until(() => watched.begun.length === 5);
  socket[how]();
  await watched.until(() => watched.finished.length === 5);
  expect(outcomes(watched)).toEqual(Array(5).fill("CANCELLED reading"));
  await server?.close();
});

it("asks a client that has ended its sending side whether it reads, and answers it", async () => {
  let answer = (): void => undefined;
  const watched = await start(
    () =>
      new Promise((resolve) => {
        answer = () => resolve({ status: 200, body: "late" });
      }),
  );
  const socket = client(watched.port, GET);
  await watched.until(() => watched.begun.length === 1);
  socket.end();
  const [first] = (await once(socket, "data")) as [Buffer];
  expect(first.toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  answer();
  let text = "";
  for await (const data of socket) text += String(data);
  expect(text).toMatch(/HTTP\/1.1 200 OK\r\n.*\r\n\r\nlate$/s);
  expect(outcomes(watched)).toEqual(["OK answering"]);
});

it("answers all requests that came before the end of the sending side", async () => {
  const watched = await start(({ query }) => ({ status: 200, body: `answer ${query.get("n")}` }));
  const socket = client(watched.port, "");
  socket.end([1, 2, 3].map((count) => GET.replace("/ ", `/?n=${count} `)).join(""));
  let text = "";
  for await (const data of socket) text += String(data);
  expect(text.match(/answer \d/g)).toEqual(["answer 1", "answer 2", "answer 3"]);
});

it("takes the end of the sending side for the end when it speaks TLS or HTTP/1.0", async () => {
  const old = await start(forEver);
  const plain = client(old.port, GET.replace("HTTP/1.1", "HTTP/1.0"));
  await old.until(() => old.begun.length === 1);
  plain.end();
  await old.until(() => old.finished.length === 1);
  expect(outcomes(old)).toEqual(["CANCELLED reading"]);
  server?.destroy();
  const stored = (name: string): Buffer => readFileSync(fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url)));
  const secure = await start(forEver, { tls: { cert: stored("first.crt"), key: stored("first.key") } });
  const socket = connectTls({ host: "127.0.0.1", port: secure.port, ca: stored("first.crt") }).on("error", () => undefined);
  sockets.push(socket);
  socket.write(GET);
  await secure.until(() => secure.begun.length === 1);
  socket.end();
  await secure.until(() => secure.finished.length === 1);
  expect(outcomes(secure)).toEqual(["CANCELLED reading"]);
});

it.each([
  ["as a whole", () => "x".repeat(2e7)],
  ["in parts", () => Array.from({ length: 200 }, () => Buffer.alloc(1e5))],
  [
    "as a stream",
    async function* () {
      for (let count = 0; count < 200; count++) yield Buffer.alloc(1e5);
    },
  ],
])("ends the connection of a client that takes nothing of an answer %s, and keeps that of one that does", async (_how, body) => {
  const watched = await start(() => ({ status: 200, body: body() }), { limits: { ...DEFAULT_LIMITS, answerTimeoutMs: 300 } });
  const reads = client(watched.port, GET);
  while (reads.bytesRead < 2e7) await once(reads, "data");
  const stalls = client(watched.port, GET);
  stalls.pause();
  await watched.until(() => watched.finished.length === 2);
  expect(outcomes(watched)).toEqual(["OK answering", "CANCELLED answering"]);
  reads.write(GET);
  await watched.until(() => watched.begun.length === 3);
});

it("does not hold a large answer against the request behind it, which takes its time", async () => {
  const handle: Route["handle"] = async ({ query }) => {
    if (query.has("large")) return { status: 200, body: "x".repeat(2e7) };
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { status: 200, body: "small" };
  };
  const watched = await start(handle, { limits: { ...DEFAULT_LIMITS, answerTimeoutMs: 200 } });
  const socket = client(watched.port, GET.replace("/ ", "/?large ") + GET);
  while (socket.bytesRead < 2e7) await once(socket, "data");
  await watched.until(() => watched.finished.length === 2);
  expect(outcomes(watched)).toEqual(["OK answering", "OK answering"]);
});

it("refuses answers for which there is no memory while others are not taken, and gives them afterwards", async () => {
  const limits = { ...DEFAULT_LIMITS, maxBodyMemory: 3e7 };
  const watched = await start(() => ({ status: 200, body: "x".repeat(2e7) }), { limits });
  const stalls = client(watched.port, GET);
  stalls.pause();
  await watched.until(() => watched.begun.length === 1);
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${watched.port}/`, { headers: { "Accept-Encoding": "identity" } });
    return (await response.text()).slice(0, 86);
  };
  expect(await ask()).toBe("the bodies and answers of the requests under way would have more than 30000000 bytes; ");
  stalls.destroy();
  await watched.until(() => watched.finished.length === 2);
  expect(await ask()).toBe("x".repeat(86));
  expect(outcomes(watched).slice(0, 2)).toEqual(["RESOURCE_EXHAUSTED reading", "CANCELLED answering"]);
});

it("listens no more after it was destroyed", async () => {
  const { port } = await start(() => ({ status: 200, body: "" }));
  server?.destroy();
  const other = createHttpServer({ ...httpServerOptions(), routes: [] });
  expect(await other.listen(port, "127.0.0.1")).toBe(port);
  other.destroy();
});
