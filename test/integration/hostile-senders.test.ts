import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { SERVICES, V1 } from "../hostile/attack.ts";
import { expectRefusal } from "../hostile/expect-refusal.ts";
import { head, Wire, whole } from "../hostile/wire.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const MAX_CONNECTIONS = 20;
const MAX_BODY_MEMORY = 1_000_000;
const FLAGS = {
  "--header-timeout": 500,
  "--body-timeout": 1000,
  "--max-connections": MAX_CONNECTIONS,
  "--max-body-memory": MAX_BODY_MEMORY,
};
const JSON_TYPE = { "Content-Type": "application/json" };

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-senders-"));
  await mkdir(join(folder, "free"));
  await writeFile(
    join(folder, "free/model.mjs"),
    "export class Model { predict({ instances }) { return { predictions: instances.length }; } }",
  );
  server = await startServer(
    [folder],
    Object.entries(FLAGS).flatMap(([flag, value]) => [flag, String(value)]),
  );
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** The text, then a byte now and then until the connection ends. */
async function* drip(text: string, byte: string): AsyncGenerator<string> {
  yield text;
  for (;;) {
    await delay(50);
    yield byte;
  }
}

it.each([
  ["headers that come slowly: 408", drip("GET /v2 HTTP/1.1\r\nHost: a\r\nX: ", "x"), {}],
  ["a connection on which nothing comes: 408", [], {}],
  ["a body that comes slowly: 408", drip(head("POST", V1, { "Content-Length": 1000 }), " "), {}],
  ["chunks that come slowly: 408", drip(head("POST", V1, { "Transfer-Encoding": "chunked" }), "1\r\n \r\n"), {}],
  [
    "a body that comes slowly to the control API: 408",
    drip(head("POST", SERVICES, { "Content-Length": 1000, ...JSON_TYPE }), " "),
    { body: "Status" as const },
  ],
  ["a body that stops: 408", [head("POST", V1, { "Content-Length": 1000 }), "{"], {}],
  ["the second request of a connection that comes slowly: 408", drip(`${head("GET", "/v2")}GET /`, "x"), { index: 1 }],
])("%s", async (_name, pieces, { body, index = 0 }: { body?: "Status"; index?: number }) => {
  const wire = new Wire(server.url);
  void wire.send(pieces);
  const replies = await wire.received(index + 1);
  expectRefusal({ status: 408, ...(body === undefined ? {} : { body }) }, replies[index], folder);
  await wire.closed;
});

it("closes the connection that is quiet for longest when there are too many, and answers on the new one", async () => {
  const quiet = Array.from({ length: 3 * MAX_CONNECTIONS }, () => new Wire(server.url));
  const answer = new Wire(server.url);
  void answer.send([head("GET", "/v2/health/live")]);
  expect((await answer.received(1))[0]?.status).toBe(200);
  await Promise.all(quiet.slice(0, MAX_CONNECTIONS).map(({ closed }) => closed));
  for (const { socket } of [...quiet, answer]) socket.destroy();
});

it("refuses with 429 when all connections are busy, until one is not", async () => {
  const busy = Array.from({ length: MAX_CONNECTIONS }, () => new Wire(server.url));
  await Promise.all(busy.map((wire) => wire.send([head("POST", V1, { "Content-Length": 17 })])));
  await delay(100);
  const late = new Wire(server.url);
  void late.send([head("GET", "/v2/health/live")]);
  expectRefusal({ status: 429 }, (await late.received(1))[0], folder);
  await Promise.all(busy.map((wire) => wire.send(['{"instances":[1]}'])));
  for (const wire of busy) expect((await wire.received(1))[0]?.body).toBe('{"predictions":1}');
  for (const { socket } of busy) socket.destroy();
});

it("refuses with 429 a body for which there is no memory, and takes it afterwards", async () => {
  const body = JSON.stringify({ instances: [1], padding: "x".repeat(0.6 * MAX_BODY_MEMORY) });
  const request = Buffer.from(whole(V1, body));
  const half = request.subarray(0, -1);
  const [first, second] = [new Wire(server.url), new Wire(server.url)];
  await first.send([half]);
  await delay(100);
  void second.send([request]);
  const refused = (await second.received(1))[0];
  expectRefusal({ status: 429 }, refused, folder);
  expect(refused?.headers.get("retry-after")).toBe("1");
  await first.send([request.subarray(-1)]);
  expect((await first.received(1))[0]?.body).toBe('{"predictions":1}');
  const third = new Wire(server.url);
  void third.send([request]);
  expect((await third.received(1))[0]?.status).toBe(200);
});

it("asks for a body that it will read, and reads one that comes byte by byte", async () => {
  const wire = new Wire(server.url);
  const body = '{"instances":[1,2,3]}';
  await wire.send([head("POST", V1, { "Transfer-Encoding": "chunked", Expect: "100-continue" })]);
  expect((await wire.received(1))[0]?.status).toBe(100);
  await wire.send([...[...body].map((byte) => `1\r\n${byte}\r\n`), "0\r\n\r\n"]);
  expect((await wire.received(2))[1]?.body).toBe('{"predictions":3}');
});
