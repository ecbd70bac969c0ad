import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ServiceEvent } from "../src/core/resource.ts";
import { FakeClock } from "./fake-clock.ts";
import { type KubeApiServer, startKubeApi } from "./kube-api-server.ts";

const GROUP = "/apis/serving.kserve.io/v1beta1";
const SERVICES = `${GROUP}/namespaces/default/inferenceservices`;
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
const MERGE_PATCH = "application/merge-patch+json";
const SIX_HOURS = 6 * 3_600_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: {
    readonly kind: string;
    readonly message: string;
    readonly reason: string;
    readonly code: number;
    readonly details: { readonly causes: unknown; readonly name: string; readonly kind: string };
    readonly metadata: { readonly resourceVersion: string; readonly generation: number; readonly uid: string; readonly namespace: string };
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
    readonly spec: unknown;
    readonly rows: readonly { readonly cells: readonly unknown[] }[];
  };
}

let api: KubeApiServer;
let clock: FakeClock;

beforeEach(async () => {
  clock = new FakeClock();
  api = await startKubeApi(clock, () => Date.now() + SIX_HOURS);
});

afterEach(async () => {
  await api.server.close();
  expect(api.faults).toEqual([]);
});

const service = (name: string, more: object = {}): object => ({
  apiVersion: "serving.kserve.io/v1beta1",
  kind: "InferenceService",
  metadata: { name, ...more },
  spec: { predictor: { model: { modelFormat: { name: "sklearn" }, storageUri: `gs://models/${name}` } } },
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const content = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const reply = await fetch(api.url + path, { method, headers: { ...type, ...headers }, ...content });
  const text = await reply.text();
  return { status: reply.status, text, json: JSON.parse(text) as Answer["json"] };
}

/** Without what differs from run to run, one member a line. */
function golden(json: unknown): string {
  const text = JSON.stringify(json, undefined, 2);
  return `${text.replace(/"uid": "[^"]+"/g, '"uid": "UID"').replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "TIME")}\n`;
}

/** The lines of a stream, one at a time. */
async function follow(path: string, headers: Record<string, string> = {}): Promise<() => Promise<string | undefined>> {
  const reply = await fetch(api.url + path, { headers });
  expect(reply.status).toBe(200);
  const reader = (reply.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  return async () => {
    while (!waiting.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) return undefined;
      waiting += value;
    }
    const end = waiting.indexOf("\n");
    const line = waiting.slice(0, end);
    waiting = waiting.slice(end + 1);
    return line;
  };
}

const setReady = (name: string): void =>
  api.table.setStatus(
    { kind: "InferenceService", namespace: "default", name },
    { url: `http://${name}.default.localhost`, conditions: [{ type: "Ready", status: "True" }] },
  );

describe("keys", () => {
  it("are made, listed and revoked", async () => {
    const created = await call("POST", "/nitrous/keys", { name: "web", scopes: ["read"] });
    expect(created).toMatchObject({ status: 201, json: { key: { name: "web" }, token: "token of web" } });
    expect(await call("GET", "/nitrous/keys")).toMatchObject({ status: 200, json: { keys: [{ name: "web" }] } });
    expect(await call("DELETE", "/nitrous/keys/web")).toMatchObject({ status: 200, json: { kind: "Status", details: { name: "web" } } });
    expect(await call("DELETE", "/nitrous/keys/web")).toMatchObject({ status: 404, json: { message: 'keys "web" not found' } });
  });

  it("are not made by what a web page could send without asking, nor by what is no wish for one", async () => {
    const wish = JSON.stringify({ name: "web", scopes: ["read"] });
    expect(await call("POST", "/nitrous/keys", wish, { "Content-Type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await call("POST", "/nitrous/keys", { name: "web", scopes: "read" })).toMatchObject({ status: 400 });
    expect(await call("POST", "/nitrous/keys", { name: "web", scopes: [], digest: "x" })).toMatchObject({ status: 400 });
  });
});

describe("resources", () => {
  it("are created, shown, replaced, patched and deleted", async () => {
    const created = await call("POST", SERVICES, service("iris"));
    expect(created.status).toBe(201);
    expect(created.json.metadata).toMatchObject({ namespace: "default", generation: 1 });
    expect((await call("GET", `${SERVICES}/iris`)).json).toEqual(created.json);
    expect((await call("GET", `${SERVICES}/iris/status`)).json).toEqual(created.json);

    const replaced = await call("PUT", `${SERVICES}/iris`, {
      ...created.json,
      spec: { predictor: { minReplicas: 2 } },
      status: { url: "x" },
    });
    expect(replaced).toMatchObject({ status: 200, json: { metadata: { generation: 2 }, spec: { predictor: { minReplicas: 2 } } } });
    expect(replaced.json).not.toHaveProperty("status");
    const stale = await call("PUT", `${SERVICES}/iris`, created.json);
    expect(stale).toMatchObject({ status: 409, json: { reason: "Conflict" } });
    expect(stale.json.message).toContain("please apply your changes to the latest version and try again");

    const patch = { metadata: { labels: { team: "a" } }, spec: { predictor: { minReplicas: null, maxReplicas: 3 } } };
    const patched = await call("PATCH", `${SERVICES}/iris`, patch, { "Content-Type": MERGE_PATCH });
    expect(patched.json).toMatchObject({ metadata: { generation: 3, labels: { team: "a" } } });
    expect(patched.json.spec).toEqual({ predictor: { maxReplicas: 3 } });
    setReady("iris");
    const operations = [{ op: "replace", path: "/spec/predictor/maxReplicas", value: 4 }];
    const again = await call("PATCH", `${SERVICES}/iris`, operations, { "Content-Type": "application/json-patch+json" });
    expect(again.json).toMatchObject({ spec: { predictor: { maxReplicas: 4 } }, status: { conditions: [{ type: "Ready" }] } });
    const nowhere = [{ op: "remove", path: "/spec/nothing" }];
    expect(await call("PATCH", `${SERVICES}/iris`, nowhere, { "Content-Type": "application/json-patch+json" })).toMatchObject({
      status: 422,
    });

    const options = { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid: "another" } };
    expect(await call("DELETE", `${SERVICES}/iris`, options)).toMatchObject({ status: 409 });
    const deleted = await call("DELETE", `${SERVICES}/iris`, { ...options, preconditions: { uid: created.json.metadata.uid } });
    expect(deleted.json).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "iris", kind: "inferenceservices", uid: created.json.metadata.uid },
    });
    expect((await call("GET", `${SERVICES}/iris`)).status).toBe(404);
  });

  it("are listed in a namespace or all, chosen by labels and fields", async () => {
    await call("POST", SERVICES, service("iris", { labels: { team: "a" } }));
    await call("POST", SERVICES, service("wine"));
    await call("POST", `${GROUP}/namespaces/team-b/inferenceservices`, service("iris"));
    const names = async (path: string): Promise<string> => (await call("GET", path)).json.items.map(({ metadata }) => metadata.name).join();
    expect(await names(`${SERVICES}?limit=500`)).toBe("iris,wine");
    expect(await names(`${GROUP}/inferenceservices`)).toBe("iris,wine,iris");
    expect(await names(`${GROUP}/inferenceservices?labelSelector=team%20in%20(a,b)`)).toBe("iris");
    expect(await names(`${SERVICES}?labelSelector=!team`)).toBe("wine");
    expect(await names(`${GROUP}/inferenceservices?fieldSelector=metadata.namespace=team-b`)).toBe("iris");
    expect(await names("/api/v1/namespaces")).toBe("default,team-b");
    await expect(golden((await call("GET", SERVICES)).json)).toMatchFileSnapshot("../testdata/kube-api/list.json");
  });

  it("are tables for kubectl", async () => {
    await call("POST", SERVICES, service("iris"));
    await call("POST", SERVICES, service("wine"));
    setReady("wine");
    const table = await call("GET", SERVICES, undefined, { Accept: TABLE });
    await expect(golden(table.json)).toMatchFileSnapshot("../testdata/kube-api/table.json");
    const runtime = {
      apiVersion: "serving.kserve.io/v1alpha1",
      kind: "ClusterServingRuntime",
      metadata: { name: "mine" },
      spec: { disabled: true, supportedModelFormats: [{ name: "a" }, { name: "b" }], containers: [{ name: "kserve-container" }] },
    };
    const runtimes = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes";
    const cells = (await call("POST", runtimes, runtime, { Accept: TABLE })).json.rows.map((row) => row.cells);
    expect(cells).toEqual([["mine", true, "a b", "kserve-container", "6h"]]);
    expect((await call("GET", `${runtimes}?includeObject=Object`, undefined, { Accept: TABLE })).json.rows).toMatchObject([
      { object: { spec: runtime.spec } },
    ]);
  });

  it("can be tried without being changed", async () => {
    expect((await call("POST", `${SERVICES}?dryRun=All`, service("iris"))).status).toBe(201);
    expect((await call("GET", SERVICES)).json.items).toEqual([]);
    await call("POST", SERVICES, service("iris"));
    expect((await call("DELETE", `${SERVICES}/iris`, { dryRun: ["All"] })).status).toBe(200);
    expect((await call("DELETE", `${SERVICES}/iris?dryRun=All`)).status).toBe(200);
    expect((await call("GET", SERVICES)).json.items).toHaveLength(1);
    expect(await call("POST", `${SERVICES}?dryRun=some`, service("wine"))).toMatchObject({ status: 400, json: { reason: "BadRequest" } });
  });

  it("may come as YAML", async () => {
    const yaml = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: iris}\nspec: {a: [1, x]}\n";
    const headers = { "Content-Type": "application/yaml" };
    expect(await call("POST", SERVICES, yaml, headers)).toMatchObject({ status: 201, json: { spec: { a: [1, "x"] } } });
    expect((await call("POST", SERVICES, "a: [", headers)).json.message).toContain("no valid YAML");
  });
});

describe("errors", () => {
  it("of an invalid resource name every problem", async () => {
    const { status, json } = await call("POST", SERVICES, { ...service("iris"), spec: undefined });
    expect(status).toBe(422);
    await expect(golden(json)).toMatchFileSnapshot("../testdata/kube-api/invalid.json");
  });

  it.each([
    ["GET", `${SERVICES}/nobody`, 404, "NotFound", 'inferenceservices.serving.kserve.io "nobody" not found'],
    ["DELETE", `${SERVICES}/nobody`, 404, "NotFound", "not found"],
    ["POST", SERVICES, 409, "AlreadyExists", "already exists"],
    ["GET", `${GROUP}/namespaces/default/others`, 404, "NotFound", "the server could not find the requested resource"],
    ["GET", "/apis/serving.kserve.io/v1", 404, "NotFound", "could not find"],
    ["GET", "/apis/apps/v1/deployments", 404, "NotFound", "could not find"],
    ["GET", "/api/v1/pods", 404, "NotFound", "could not find"],
    ["GET", `${GROUP}/inferenceservices/iris`, 404, "NotFound", "could not find"],
    ["GET", "/apis/serving.kserve.io/v1alpha1/namespaces/default/clusterservingruntimes", 404, "NotFound", "could not find"],
    ["PUT", `${SERVICES}/iris/status`, 405, "MethodNotAllowed", "does not allow this method"],
    ["POST", `${GROUP}/inferenceservices`, 405, "MethodNotAllowed", "does not allow this method"],
    ["DELETE", SERVICES, 405, "MethodNotAllowed", "does not allow this method"],
    ["POST", "/api/v1/namespaces", 405, "MethodNotAllowed", "one exists as soon as"],
    ["GET", `${SERVICES}/Iris`, 400, "BadRequest", "expected at most 253 lower-case letters"],
    ["GET", `${GROUP}/namespaces/a.b/inferenceservices`, 400, "BadRequest", "not a name of a namespace"],
    ["GET", `${SERVICES}?labelSelector=a%20b`, 400, "BadRequest", "unable to parse the label selector"],
    ["GET", `${SERVICES}?watch=1&resourceVersion=1`, 410, "Expired", "too old resource version"],
    ["GET", `${SERVICES}?watch=1&timeoutSeconds=x`, 400, "BadRequest", "expected a number of seconds"],
    ["GET", "/api/v1/namespaces/nowhere", 404, "NotFound", 'namespaces "nowhere" not found'],
    ["GET", "/nitrous/namespaces/default/models/nobody/logs", 404, "NotFound", "not found"],
  ])("%s %s is %s %s", async (method, path, code, reason, message) => {
    await call("POST", SERVICES, service("iris"));
    const { status, json } = await call(method, path, method === "GET" ? undefined : method === "DELETE" ? {} : service("iris"));
    expect(json).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason });
    expect(status).toBe(code);
    expect(json.message).toContain(message);
  });

  it.each([
    ["POST", "application/xml", 415],
    ["POST", "", 415],
    ["PATCH", "application/apply-patch+yaml", 415],
    ["PATCH", "application/json", 415],
    ["POST", "application/json", 400],
  ])("%s with a body of %s that is text is %s", async (method, type, code) => {
    await call("POST", SERVICES, service("iris"));
    const path = method === "POST" ? SERVICES : `${SERVICES}/iris`;
    expect(await call(method, path, "text", { "Content-Type": type })).toMatchObject({ status: code, json: { kind: "Status", code } });
  });

  it("takes a body without a type for JSON, unless a web page may have sent it", async () => {
    const body = Buffer.from(JSON.stringify(service("iris")));
    const send = async (headers: Record<string, string>) => (await fetch(api.url + SERVICES, { method: "POST", body, headers })).status;
    expect(await send({ Origin: "http://elsewhere.example" })).toBe(415);
    expect(await send({})).toBe(201);
  });

  it("tell of bodies and numbers that are too large", async () => {
    expect(await call("POST", SERVICES, " ".repeat(4e6))).toMatchObject({ status: 413, json: { reason: "RequestEntityTooLarge" } });
    const headers = { "Content-Type": "application/json" };
    const inPieces = { method: "POST", headers, body: new Blob([" ".repeat(4e6)]).stream(), duplex: "half" } as const;
    expect((await fetch(api.url + SERVICES, inPieces)).status).toBe(413);
    const numbers = JSON.stringify(service("iris")).replace('"sklearn"', "9007199254740993");
    expect((await call("POST", SERVICES, numbers)).json.message).toBe(
      "spec.predictor.model.modelFormat.name: 9007199254740993 cannot be kept exactly; write it as a string",
    );
  });
});

describe("a watch", () => {
  it("tells what changes after a list, until its time is over", async () => {
    await call("POST", SERVICES, service("wine"));
    const { resourceVersion } = (await call("GET", SERVICES)).json.metadata;
    const next = await follow(`${SERVICES}?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=30`);
    await call("POST", SERVICES, service("iris"));
    setReady("iris");
    await call("DELETE", `${SERVICES}/wine`);
    const lines = [await next(), await next(), await next()].map((line) => JSON.parse(line as string) as unknown);
    await expect(golden(lines)).toMatchFileSnapshot("../testdata/kube-api/watch.json");
    // Its own, and the look at connections that are quiet.
    expect(clock.timers).toBe(2);
    await clock.advance(30_000);
    expect(await next()).toBeUndefined();
  });

  it("begins with what there is, when it names no version, and ends with the server", async () => {
    await call("POST", SERVICES, service("iris"));
    const next = await follow(`${GROUP}/inferenceservices?watch=1`);
    expect(JSON.parse((await next()) as string)).toMatchObject({ type: "ADDED", object: { metadata: { name: "iris" } } });
    await api.server.close();
    expect(await next()).toBeUndefined();
  });

  it("gives tables, with columns in the first", async () => {
    const next = await follow(`${SERVICES}?watch=1`, { Accept: TABLE });
    await call("POST", SERVICES, service("iris"));
    setReady("iris");
    const first = JSON.parse((await next()) as string) as { object: { columnDefinitions: unknown[]; rows: unknown } };
    expect(first.object.columnDefinitions).toHaveLength(4);
    expect(first.object.rows).toMatchObject([{ cells: ["iris", null, null, "6h"] }]);
    expect(JSON.parse((await next()) as string)).toMatchObject({
      type: "MODIFIED",
      object: { columnDefinitions: [], rows: [{ cells: ["iris", "http://iris.default.localhost", "True", "6h"] }] },
    });
  });

  it("with a selector deletes what no longer matches", async () => {
    const label = (team: string) => call("PATCH", `${SERVICES}/iris`, { metadata: { labels: { team } } }, { "Content-Type": MERGE_PATCH });
    await call("POST", SERVICES, service("iris"));
    const { resourceVersion } = (await call("GET", SERVICES)).json.metadata;
    const next = await follow(`${SERVICES}?watch=1&labelSelector=team=a&resourceVersion=${resourceVersion}`);
    for (const team of ["b", "a", "b"]) await label(team);
    const types = [await next(), await next()].map((line) => (JSON.parse(line as string) as { type: string }).type);
    expect(types).toEqual(["ADDED", "DELETED"]);
  });
});

describe("events", () => {
  const event = (name: string, namespace: string | undefined): ServiceEvent => ({
    name,
    time: "2026-01-02T03:04:05.678Z",
    type: "Warning",
    reason: "Failed",
    message: "it did not load",
    about: { kind: namespace === undefined ? "ClusterServingRuntime" : "InferenceService", namespace, name: "iris", uid: "u" },
  });

  it("are listed, chosen by what they are about, and watched", async () => {
    api.activity.happen(event("e1", "default"));
    api.activity.happen(event("e2", "team-b"));
    api.activity.happen(event("e3", undefined));
    const names = async (path: string): Promise<string> => (await call("GET", path)).json.items.map(({ metadata }) => metadata.name).join();
    expect(await names("/api/v1/events")).toBe("e1,e2,e3");
    expect(await names("/api/v1/namespaces/default/events")).toBe("e1,e3");
    const about = "involvedObject.kind=InferenceService,involvedObject.name=iris,involvedObject.uid=u";
    const list = await call("GET", `/api/v1/namespaces/default/events?fieldSelector=${about}`);
    expect(list.json.items).toMatchObject([
      {
        kind: "Event",
        involvedObject: { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", namespace: "default", name: "iris", uid: "u" },
        lastTimestamp: "2026-01-02T03:04:05Z",
        count: 1,
      },
    ]);
    expect(list.json.metadata.resourceVersion).toBe("e3");
    const next = await follow("/api/v1/namespaces/team-b/events?watch=1&resourceVersion=e1");
    api.activity.happen(event("e4", "default"));
    api.activity.happen(event("e5", "team-b"));
    for (const name of ["e2", "e5"]) {
      expect(JSON.parse((await next()) as string)).toMatchObject({ type: "ADDED", object: { metadata: { name } } });
    }
    expect((await call("GET", "/api/v1/events?watch=1&resourceVersion=e0")).status).toBe(410);
  });
});

describe("logs", () => {
  const LOGS = "/nitrous/namespaces/default/models/iris/logs";

  it("are the last lines, and those that come", async () => {
    expect(await (await fetch(`${api.url}${LOGS}`)).text()).toBe("one\ntwo\nthree\n");
    expect(await (await fetch(`${api.url}${LOGS}?tailLines=0`)).text()).toBe("");
    const next = await follow(`${LOGS}?follow=true&tailLines=1`);
    api.activity.print("four");
    expect([await next(), await next()]).toEqual(["three", "four"]);
  });
});

describe("discovery", () => {
  it("finds its way from the groups to the resources", async () => {
    type Group = { readonly groups: readonly { readonly name: string; readonly versions: readonly { readonly groupVersion: string }[] }[] };
    const groups = (await call("GET", "/apis")).json as unknown as Group;
    const found: string[] = [];
    for (const { groupVersion } of groups.groups.flatMap(({ versions }) => versions)) {
      const list = (await call("GET", `/apis/${groupVersion}`)).json as unknown as { resources: { name: string; shortNames?: string[] }[] };
      for (const { name, shortNames = [] } of list.resources) found.push([name, ...shortNames].join("/"));
      expect((await call("GET", `/openapi/v3/apis/${groupVersion}`)).json).toMatchObject({ openapi: "3.0.0" });
    }
    expect(found).toEqual(["inferenceservices/isvc", "servingruntimes", "clusterservingruntimes", "trainedmodels/tm"]);
    expect((await call("GET", "/version")).json).toMatchObject({ gitVersion: "v1.32.0+nitrous-0.1.0" });
  });
});
