import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routeTable } from "../test/route-table.ts";
import { type AccessControl, openAccess } from "./access/index.ts";
import { systemClock } from "./core/clock.ts";
import { createEvents } from "./core/events.ts";
import type { Route } from "./core/http.ts";
import { refusedRequest, targetOf, unknownPath } from "./protocols/shared/index.ts";
import { SERVICE_PREFIX } from "./routes.ts";
import { createHttpServer, type HttpServer } from "./server/index.ts";

/** A prediction in two requests: what the first of them begins is counted, not the requests. */
function isFuture(path: string): boolean {
  return path.endsWith("/submit") || path.startsWith("/nitrous/futures/");
}

/** What is asked of nobody. To put something here is a decision about everybody's server. */
const PUBLIC = ["GET /", "GET /health/live", "GET /health/ready", "GET /v2/health/live", "GET /v2/health/ready"];

const directory = mkdtempSync(join(tmpdir(), "nitrous-routes-"));
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let access: AccessControl;
let server: HttpServer;
let port: number;
let routes: readonly Route[];
let token: string;
let limited: string;

beforeAll(async () => {
  access = await openAccess({
    stateDirectory: directory,
    bound: "127.0.0.1",
    insecure: false,
    allowed: [],
    hasService: ({ namespace, name }) => namespace === "prod" && name === "iris",
    onNarrowed: () => undefined,
    onProblem: (problem) => expect.fail(problem),
  });
  ({ token } = await access.keys.create({ name: "boss", scopes: ["admin"] }));
  ({ token: limited } = await access.keys.create({ name: "limited", scopes: ["infer", "read"], models: ["prod/iris"] }));
  // Whatever comes this far is answered with 200, so that any other answer means that it did not.
  routes = routeTable().map(({ gate: _, openEnded: __, targetInBody, ...route }) => ({
    ...route,
    // As if every body named it.
    ...(targetInBody === undefined
      ? {}
      : { targetInBody: async (request) => targetOf({ ...request, params: { ...request.params, model: "iris" } }) }),
    handle: () => ({ status: 200, body: "reached" }),
  }));
  server = createHttpServer({
    routes,
    prefix: SERVICE_PREFIX,
    guard: access.guard,
    clock: systemClock,
    events: createEvents(),
    maxBodyBytes: 1000,
    requestTimeoutMs: 60_000,
    refusal: refusedRequest,
    unknown: unknownPath,
    onFault: (error) => expect.fail(String(error)),
  });
  port = await server.listen(0, "127.0.0.1");
});

afterAll(() => {
  agent.destroy();
  server.destroy();
  access.close();
  rmSync(directory, { recursive: true });
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function ask({ method, path, headers = {} }: Asked): Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ agent, port, host: "127.0.0.1", method, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on("error", reject);
    request.end();
  });
}

const concrete = (path: string): string => path.replace("{version}", "1").replace(/\{\w+\}/g, "iris");
const isPublic = ({ method, path }: Asked): boolean => PUBLIC.includes(`${method.replace("HEAD", "GET")} ${path}`);

/** Other ways to write a path, from which something in between might make the path again. */
function disguises(path: string): string[] {
  const last = path.lastIndexOf("/");
  return [
    path,
    `${path}?access_token=${token}&key=${token}&api_key=${token}`,
    `${path}/`,
    `/${path}`,
    path.replaceAll("/", "//"),
    `/.${path}`,
    `/health/live/..${path}`,
    `/health/live/%2e%2e/%2e%2e${path}`,
    `/health/live%2f..%2f..${path}`,
    `/health/live;${path}`,
    `/health/live%00${path}`,
    `/health/live#${path}`,
    path.replaceAll("/", "%2f"),
    `/${path.slice(1).replaceAll("/", "%2F")}`,
    `/${path.slice(1).replaceAll("/", "%252f")}`,
    `/${path.slice(1).replaceAll("/", "\\")}`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    path.toUpperCase(),
    `${path}.`,
    `${path}%2e`,
    `${path}%00`,
    `${path}%20`,
    `${path}%0d%0aAuthorization:%20Bearer%20${token}`,
    `${path.slice(0, last)}/.${path.slice(last)}`,
    `http://127.0.0.1:${port}${path}`,
    `/serving/prod/iris${path}`,
    `/serving/prod/iris/${path}`,
    `/serving/prod%2firis${path}`,
  ];
}

const WRONG: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no key": {},
  "a wrong key": { Authorization: `Bearer nitrous_${"A".repeat(43)}` },
  "another method in a header": { "X-HTTP-Method-Override": "GET", "X-Method-Override": "GET", "X-Original-URL": "/health/live" },
};

describe("the table of routes", () => {
  it("has these for everybody", () => {
    const found = routes.filter((route) => route.access === "public").map(({ method, path }) => `${method} ${path}`);
    expect(found.sort()).toEqual([...PUBLIC].sort());
    expect(routes.length).toBeGreaterThan(100);
  });

  it("asks infer for predictions, admin for every other change and for keys, read for the rest", () => {
    for (const { method, path, access: needed, protocol } of routes) {
      if (protocol !== undefined || isFuture(path)) expect(needed).toBe("infer");
      else if (method === "POST" && path.includes("sharedmemory")) expect(needed).toBe("infer");
      // A question with a body.
      else if (method === "POST" && path.endsWith("/index")) expect(needed).toBe("read");
      else if (method !== "GET" || path.startsWith("/nitrous/keys")) expect(needed).toBe("admin");
      else if (!PUBLIC.includes(`GET ${path}`)) expect(needed).toBe("read");
    }
  });

  it.each(Object.entries(WRONG))(
    "answers nothing that is not public with %s, however the path is written",
    async (_name, headers) => {
      const reached: string[] = [];
      let refused = 0;
      for (const route of routes) {
        const methods = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
        const asked = methods.flatMap((method) => disguises(concrete(route.path)).map((path) => ({ method, path, headers })));
        const answers = await Promise.all(asked.map(async (each) => ({ each, ...(await ask(each)) })));
        for (const { each, status, body } of answers) {
          if (status === 401) refused++;
          const open =
            isPublic(each) || (isPublic({ ...each, path: each.path.split("?")[0] ?? "" }) && each.path.includes("?access_token"));
          if (!open && (status < 400 || body.includes("reached"))) reached.push(`${status} ${each.method} ${each.path}`);
        }
      }
      expect(reached).toEqual([]);
      expect(refused).toBeGreaterThan(routes.length);
    },
    60_000,
  );

  it("is reached with a key, so that the refusals above are not for something else", async () => {
    for (const { method, path } of routes) {
      expect(await ask({ method, path: concrete(path), headers: { Authorization: `Bearer ${token}` } })).toMatchObject({ status: 200 });
      expect(await ask({ method, path: concrete(path), headers: { "X-API-Key": token } })).toMatchObject({ status: 200 });
    }
  });

  it("opens to a key that is limited to a model only what is about it", async () => {
    const headers = { Authorization: `Bearer ${limited}` };
    for (const { method, path, access: needed, target: inHead, targetInBody } of routes) {
      const target = inHead ?? targetInBody;
      const prefixed =
        target === undefined ? concrete(path) : `/serving/prod/iris${concrete(path).replace("namespaces/iris", "namespaces/prod")}`;
      // Which model a future is about is known to the server alone, and nobody has made this one.
      const about = target !== undefined && needed !== "admin" && !/\{plural\}|futures/.test(path);
      const expected = needed === "public" || about ? 200 : 403;
      expect(`${method} ${prefixed} ${(await ask({ method, path: prefixed, headers })).status}`).toBe(`${method} ${prefixed} ${expected}`);
      if (about)
        expect((await ask({ method, path: concrete(path).replace("namespaces/iris", "namespaces/other"), headers })).status).toBe(403);
    }
    const services = "/apis/serving.kserve.io/v1beta1/namespaces/prod/inferenceservices";
    expect((await ask({ method: "GET", path: `${services}/iris`, headers })).status).toBe(200);
    expect((await ask({ method: "GET", path: `${services}/wine`, headers })).status).toBe(403);
    expect((await ask({ method: "GET", path: services, headers })).status).toBe(403);
    expect((await ask({ method: "DELETE", path: `${services}/iris`, headers })).status).toBe(403);
  });

  it("is closed to other names and to pages of other origins, with a key too", async () => {
    const key = { Authorization: `Bearer ${token}` };
    for (const { method, path } of routes) {
      const asked = { method, path: concrete(path) };
      for (const wrong of [{ Host: "evil.com" }, { Origin: "http://evil.com" }, { Origin: "null" }]) {
        const { status, headers } = await ask({ ...asked, headers: { ...key, ...wrong } });
        expect(status).toBe(403);
        expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
  });
});

describe("refusals", () => {
  it("are told as each protocol tells errors, and how to ask", async () => {
    const plain = await ask({ method: "POST", path: "/v1/models/iris:predict" });
    expect(plain).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="nitrous"' } });
    expect(JSON.parse(plain.body)).toEqual({ error: expect.stringContaining("Authorization: Bearer") });
    const kube = await ask({ method: "GET", path: "/apis/serving.kserve.io/v1beta1/inferenceservices" });
    expect(kube).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="nitrous"' } });
    expect(JSON.parse(kube.body)).toMatchObject({ kind: "Status", reason: "Unauthorized", code: 401 });
    const host = await ask({ method: "GET", path: "/health/live", headers: { Host: "evil.com" } });
    expect(host.status).toBe(403);
    expect(JSON.parse(host.body)).toEqual({ error: expect.stringContaining("--allowed-host") });
  });

  it("come before the body", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /v1/models/iris:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n");
    let answer = "";
    for await (const text of socket.setEncoding("utf8")) answer += text;
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
  });

  it("are all that other methods get, preflights too", async () => {
    const preflight = { Origin: "http://127.0.0.1:1", "Access-Control-Request-Method": "POST" };
    for (const method of ["OPTIONS", "TRACE", "PROPFIND"]) {
      const { status, headers } = await ask({ method, path: "/v1/models", headers: preflight });
      expect(status).toBe(405);
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  it("do not stop what KServe's documentation does: the Host of a service, by address", async () => {
    const headers = { Host: "iris-prod.example.com", Authorization: `Bearer ${limited}` };
    expect(await ask({ method: "POST", path: "/v1/models/iris:predict", headers })).toMatchObject({ status: 200 });
    expect(await ask({ method: "GET", path: "/v2/health/ready", headers })).toMatchObject({ status: 200 });
    expect(await ask({ method: "POST", path: "/v1/models/wine:predict", headers })).toMatchObject({ status: 403 });
    expect(await ask({ method: "GET", path: "/nitrous/keys", headers: { ...headers, Authorization: `Bearer ${token}` } })).toMatchObject({
      status: 403,
    });
  });
});
