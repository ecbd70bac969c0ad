import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type AccessControl, openAccess } from "../src/access/index.ts";
import { createEvents } from "../src/core/events.ts";
import { parseRateLimit } from "../src/core/rate-limit.ts";
import { createDataPlane } from "../src/planes/index.ts";
import { createV1Routes } from "../src/protocols/kserve-v1/index.ts";
import { refusedRequest, unknownPath } from "../src/protocols/shared/index.ts";
import { createHttpServer, type HttpServer } from "../src/server/index.ts";
import { FakeClock } from "./fake-clock.ts";
import { makeArtefacts, Reconciled, removeArtefacts } from "./reconciled.ts";

let root: string;
let directory: string;
let world: Reconciled;
let clock: FakeClock;
let server: HttpServer;
let access: AccessControl;
let port: number;
let outcomes: string[];

beforeAll(() => {
  root = makeArtefacts(["a"]);
});
afterAll(() => removeArtefacts(root));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-rates-"));
  world = new Reconciled(root);
  // Requests come from real sockets, in turns of their own.
  world.clock.afterTurn = (callback) => void setImmediate(callback);
  clock = new FakeClock();
  outcomes = [];
});
afterEach(() => {
  server.destroy();
  access.close();
  rmSync(directory, { recursive: true });
});

/** Everything from the socket to the data plane, over models that answer with what they got. */
async function start(settings: { readonly tenantHeader?: string; readonly usual?: string } = {}): Promise<void> {
  access = await openAccess({
    stateDirectory: directory,
    bound: "127.0.0.1",
    insecure: false,
    allowed: [],
    hasService: () => false,
    onNarrowed: () => undefined,
    onProblem: (problem) => expect.fail(problem),
    tenantHeader: settings.tenantHeader,
    rateLimit: settings.usual === undefined ? undefined : parseRateLimit(settings.usual),
    clock,
  });
  const events = createEvents();
  events.on("request-finished", ({ outcome }) => void outcomes.push(outcome));
  server = createHttpServer({
    routes: createV1Routes({ dataPlane: createDataPlane(world.registry, world.clock, access.limitRate), controlPlane: undefined as never }),
    guard: access.guard,
    clock: world.clock,
    events,
    maxBodyBytes: 1e6,
    requestTimeoutMs: 60_000,
    refusal: refusedRequest,
    unknown: unknownPath,
    onFault: (error) => expect.fail(String(error)),
  });
  port = await server.listen(0, "127.0.0.1");
}

async function serve(name: string, annotations: Record<string, string> = {}): Promise<void> {
  await world.apply(name, "a", { annotations });
  await world.rest();
  const methods = { predict: { accepts: "json" as const, inputs: [], outputs: [] } };
  world.registry.find({ namespace: "default", name }).description = { methods, framework: "", frameworkVersion: "", warnings: [] };
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

function predict(name: string, headers: Record<string, string> = {}, body: string | undefined = '{"instances":[1]}'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { port, host: "127.0.0.1", method: "POST", path: `/v1/models/${name}:predict`, headers, agent: false };
    const request = httpRequest(options, async (response) => {
      let text = "";
      for await (const piece of response) text += String(piece);
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], body: text });
    });
    request.on("error", reject);
    if (body === "") request.flushHeaders();
    else request.end(body);
  });
}

const statuses = async (count: number, name: string, headers?: Record<string, string>): Promise<number[]> => {
  const found: number[] = [];
  for (let index = 0; index < count; index++) found.push((await predict(name, headers)).status);
  return found;
};

it("refuses a key beyond its rate with 429 before its body comes, and takes it again when it may come", async () => {
  await start();
  await serve("iris");
  await serve("wine");
  const { token } = await access.keys.create({ name: "web", scopes: ["infer"], rate: "6/m burst 2" });
  const { token: free } = await access.keys.create({ name: "free", scopes: ["infer"] });
  expect(await statuses(3, "iris", { "x-api-key": token })).toEqual([200, 200, 429]);
  const refused = await predict("iris", { "x-api-key": token, "Content-Length": "1000" }, "");
  expect(refused).toEqual({
    status: 429,
    retryAfter: "10",
    body: '{"error":"the key web may send 6/m burst 2 requests to the model default/iris, and has sent more; send the next one in 10 s"}',
  });
  expect(outcomes).toEqual(["OK", "OK", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED"]);
  expect(await statuses(1, "wine", { "x-api-key": token })).toEqual([200]);
  expect(await statuses(5, "iris", { "x-api-key": free })).toEqual([200, 200, 200, 200, 200]);
  await clock.advance(10_000);
  expect(await statuses(2, "iris", { "x-api-key": token })).toEqual([200, 429]);
});

it("holds what the model's annotation says for each tenant, and follows it when it changes", async () => {
  await start({ tenantHeader: "x-tenant" });
  await serve("iris", { "nitrous/rate-limit": "1/s burst 2" });
  expect(await statuses(3, "iris", { "x-tenant": "acme" })).toEqual([200, 200, 429]);
  expect(await statuses(3, "iris", { "X-Tenant": "other" })).toEqual([200, 200, 429]);
  expect(await statuses(3, "iris")).toEqual([200, 200, 429]);
  expect((await predict("iris", { "x-tenant": "acme" })).body).toContain("the tenant acme may send 1/s burst 2 requests");
  expect(await predict("iris", { "x-tenant": "a b" })).toMatchObject({ status: 400, body: expect.stringContaining("header x-tenant") });
  await serve("iris");
  expect(await statuses(3, "iris", { "x-tenant": "acme" })).toEqual([200, 200, 200]);
});

it("has a usual limit for keys and models that say nothing", async () => {
  await start({ usual: "2/s" });
  await serve("iris");
  await serve("wine", { "nitrous/rate-limit": "3/s" });
  expect(await statuses(4, "iris")).toEqual([200, 200, 429, 429]);
  expect(await statuses(4, "wine")).toEqual([200, 200, 200, 429]);
});
