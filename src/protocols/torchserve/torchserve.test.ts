import { describe, expect, it } from "vitest";
import { packed, unpacked } from "../../../test/torchserve-wire.ts";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { InferRequest, JsonValue, Payload } from "../../core/inference.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane, DataPlane, ResourceView } from "../../core/planes.ts";
import type { BytesTensor } from "../../core/tensor.ts";
import { createTorchServeRoutes } from "./routes.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const free = { accepts: "json", inputs: [], outputs: [] } as const;
const ARCHIVE = { predict: free, predictions: free, explanations: free, descriptions: free };

function statusOf(more: Partial<ModelStatus> = {}): ModelStatus {
  const description = { methods: ARCHIVE, framework: "pytorch", frameworkVersion: "2", warnings: [], artefactVersion: "2.5" };
  const known = {
    namespace: "default",
    name: "m",
    version: "3",
    format: "mar",
    state: "ready",
    latest: true,
    answers: true,
    reason: "",
    queued: 0,
  };
  const replicas = { ready: 2, starting: 0, leaving: 0, wanted: 2, least: 1, most: 4, auto: true, obstacle: undefined };
  return { ...known, memoryBytes: 15, hostPids: [9, 10], hostBytes: [7, 8], replicas, description, ...more } as ModelStatus;
}

/** The routes over fakes: what the planes do has tests of its own. */
function server(
  answer: Payload = packed({ status: 200, headers: {} }, "ok"),
  statuses: readonly ModelStatus[] = [statusOf()],
  modelStore?: string,
) {
  const asked: InferRequest[] = [];
  const created: JsonValue[] = [];
  const deleted: string[] = [];
  const scaled: number[] = [];
  let watched: readonly ResourceView[] = [];
  const find = (name: string): readonly ModelStatus[] => {
    const found = statuses.filter((status) => status.name === name);
    if (found.length === 0) throw new ServeError("NOT_FOUND", `no ${name}`);
    return found;
  };
  const dataPlane: DataPlane = {
    admit: ({ name }) => void find(name),
    passes: () => false,
    signature: () => Promise.resolve({ accepts: "tensors", inputs: [{ name: "image", datatype: "BYTES", shape: [-1] }], outputs: [] }),
    infer(request) {
      asked.push(request);
      return Promise.resolve({ modelName: "m", modelVersion: "3", output: answer });
    },
  };
  const one = ({ name, version }: { name: string; version?: string }): ModelStatus =>
    find(name).find((status) => version === undefined || status.version === version) as ModelStatus;
  const controlPlane = {
    list: () => statuses,
    names: () => [...new Set(statuses.map(({ name }) => name))],
    get: one,
    describe: (target: { name: string; version?: string }) => Promise.resolve(one(target)),
    versions: ({ name }: { name: string }) => find(name),
    async scale(target: { name: string; version?: string }, replicas: number) {
      if (replicas > 64) throw new ServeError("INVALID_ARGUMENT", "too many");
      scaled.push(replicas);
      return one(target);
    },
    resources: {
      list: () => ({
        resourceVersion: "1",
        items: [{ metadata: { name: "m" }, spec: { predictor: { model: { storageUri: "https://me:secret@host/m.mar?key=1" } } } }],
      }),
      create(_place: object, document: JsonValue) {
        const { metadata } = document as { metadata: { name: string } };
        if (metadata.name === "taken") return Promise.reject(new ServeError("ALREADY_EXISTS", "there is one"));
        created.push(document);
        return Promise.resolve({});
      },
      delete({ name }: { name: string }) {
        deleted.push(name);
        return Promise.resolve({});
      },
      async *watch() {
        for (const object of watched) yield { type: "MODIFIED", object };
      },
    },
  } as unknown as ControlPlane;
  const routes = createTorchServeRoutes({ dataPlane, controlPlane, modelStore });
  async function call(
    method: string,
    path: string,
    request: Partial<HttpRequest> = {},
  ): Promise<{ reply: HttpReply; body: unknown; context: RequestContext }> {
    const [plain = "", query] = path.split("?");
    const segments = plain.split("/");
    const route = routes.find((each) => each.method === method && matches(each.path, segments) !== undefined);
    if (route === undefined) throw new Error(`no route ${method} ${path}`);
    const params = matches(route.path, segments) ?? {};
    const context = new RequestContext({ deadline: 1e9, record: createRecord("torchserve", "", 0) });
    const full = { method, params, headers: {}, query: new URLSearchParams(query), context, body: new Uint8Array(), ...request };
    let reply: HttpReply;
    try {
      route.gate?.({ ...full, declaredBytes: 0 });
      reply = await route.handle(full);
    } catch (error) {
      reply = route.fail(ServeError.from(error));
    }
    const sent = typeof reply.body === "string" ? reply.body : text(reply.body as Uint8Array);
    const isJson = reply.headers?.["Content-Type"] === "application/json";
    return { reply, body: isJson ? JSON.parse(sent) : sent, context };
  }
  return { call, asked, created, deleted, scaled, routes, watch: (views: readonly ResourceView[]) => (watched = views) };
}

function matches(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const names = pattern.split("/");
  if (names.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const segment = segments[index] as string;
    if (name.startsWith("{")) params[name.slice(1, -1)] = segment;
    else if (name !== segment) return undefined;
  }
  return params;
}

describe("predictions", () => {
  it("of an archive are what its handler answers, with its status, headers and content type", async () => {
    const head = { status: 202, headers: { "x-own": "1", "set-cookie": "a", connection: "close", "x-bad": "a\nb" }, type: "image/png" };
    const { call, asked } = server(packed(head, "bytes"));
    const { reply } = await call("PUT", "/predictions/m/2.5", { headers: { "content-type": "image/png" }, body: Buffer.from("png") });
    expect(reply).toMatchObject({ status: 202, headers: { "x-own": "1", "Content-Type": "image/png" } });
    expect(Object.keys(reply.headers ?? {})).toEqual(["x-own", "Content-Type"]);
    expect(text(reply.body as Uint8Array)).toBe("bytes");
    expect(asked[0]?.target).toEqual({ namespace: "default", name: "m", version: "3", method: "predictions" });
    expect(unpacked(asked[0]?.payload as Payload).parts).toEqual([{ name: "body", type: "image/png", data: "png" }]);
  });

  it("that failed are TorchServe's errors, and count as failures", async () => {
    const { call } = server(packed({ status: 513, headers: {}, error: "no" }));
    const { reply, body, context } = await call("POST", "/predictions/m", {});
    expect([reply.status, body]).toEqual([513, { code: 513, type: "InternalServerException", message: "no" }]);
    expect(context.record.outcome).toBe("INTERNAL");
    const { reply: odd } = await server(packed({ status: 7, headers: {} })).call("POST", "/predictions/m", {});
    expect(odd.status).toBe(500);
  });

  it.each([
    ["/predictions/none", "ModelNotFoundException"],
    ["/predictions/m/9", "ModelVersionNotFoundException"],
    ["/predictions/..", "ModelNotFoundException"],
  ])("for %s are refused before the body is read", async (path, type) => {
    expect((await server().call("POST", path)).body).toMatchObject({ code: 404, type });
  });

  it.each(["3", "3.0", "2.5"])("know a version as %s", async (version) => {
    const { call, asked } = server();
    await call("POST", `/predictions/m/${version}`);
    expect(asked[0]?.target.version).toBe("3");
  });

  const other = statusOf({ description: { methods: { predict: free }, framework: "x", frameworkVersion: "1", warnings: [] } });
  it.each<[string, string, Payload]>([
    ["application/json", '{"instances":[[1]]}', { kind: "rows", rows: [[1]] }],
    ["", " [1,2]", { kind: "rows", rows: [1, 2] }],
    ["", '{"a":1}', { kind: "json", value: { a: 1 } }],
    ["image/png", "{png", { kind: "tensors", tensors: [{ name: "image", datatype: "BYTES", shape: [1], data: [Buffer.from("{png")] }] }],
  ])("of any other model take %s %s", async (type, body, payload) => {
    const { call, asked } = server({ kind: "json", value: { y: 1n } }, [other]);
    const answer = await call("POST", "/predictions/m", { headers: type === "" ? {} : { "content-type": type }, body: Buffer.from(body) });
    expect(answer.body).toEqual({ y: 1 });
    expect(asked[0]).toMatchObject({ payload, target: { name: "m" } });
  });

  it("of any other model answer tensors as values, by name when there are several", async () => {
    const tensor = (name: string): BytesTensor => ({ name, datatype: "BYTES", shape: [1], data: [Buffer.from("a")] });
    expect((await server({ kind: "tensors", tensors: [tensor("y")] }, [other]).call("POST", "/predictions/m")).body).toEqual(["a"]);
    const several = server({ kind: "tensors", tensors: [tensor("y"), tensor("z")] }, [other]);
    expect((await several.call("POST", "/predictions/m")).body).toEqual({ y: ["a"], z: ["a"] });
  });
});

describe("management", () => {
  it("is for those who may administer, predictions for those who may infer", () => {
    const access = (path: string, method: string) => server().routes.find((each) => each.path === path && each.method === method)?.access;
    expect([access("/models", "POST"), access("/models/{model}", "DELETE"), access("/models/{model}", "PUT")]).toEqual([
      "admin",
      "admin",
      "admin",
    ]);
    expect([access("/predictions/{model}", "POST"), access("/models", "GET"), access("/ping", "GET")]).toEqual(["infer", "read", "read"]);
  });

  it("lists models in pages, without what addresses may hold of secrets", async () => {
    const { call } = server(undefined, [statusOf(), statusOf({ name: "n" })]);
    expect((await call("GET", "/models?limit=1")).body).toEqual({
      nextPageToken: "1",
      models: [{ modelName: "m", modelUrl: "https://host/m.mar" }],
    });
    expect((await call("GET", "/models?limit=1&next_page_token=1")).body).toEqual({ models: [{ modelName: "n", modelUrl: "" }] });
    expect((await call("GET", "/models?limit=x")).body).toMatchObject({ code: 400, type: "BadRequestException" });
  });

  it("describes models, with what the handler tells of itself", async () => {
    const { call } = server(packed({ status: 200, headers: {} }, '{"a":1}'));
    expect((await call("GET", "/models/m")).body).toMatchObject([
      {
        modelName: "m",
        modelVersion: "2.5",
        minWorkers: 1,
        maxWorkers: 4,
        workers: [
          { id: "9", status: "READY", memoryUsage: 7 },
          { id: "10", status: "READY", memoryUsage: 8 },
        ],
      },
    ]);
    expect((await call("GET", "/models/m/all?customized=true")).body).toHaveLength(1);
    expect((await call("GET", "/models/m?customized=true")).body).toMatchObject([{ customizedMetadata: '{"a":1}' }]);
    const failed = server(undefined, [statusOf({ state: "failed", answers: false, reason: "it broke\nin /secret" })]);
    expect((await failed.call("GET", "/models/m")).body).toMatchObject([{ workers: [], reason: "it broke" }]);
    expect((await failed.call("GET", "/ping")).reply.status).toBe(500);
  });

  it("registers archives as InferenceServices, by address or by a name in the model store", async () => {
    const { call, created } = server(undefined, undefined, "/store");
    const { body } = await call("POST", "/models?url=a.mar&batch_size=4&handler=h:f&response_timeout=9&trust=code");
    expect(body).toMatchObject({ status: expect.stringContaining('Model "a" Version: 1.0 registered') });
    expect(created[0]).toMatchObject({
      kind: "InferenceService",
      metadata: { name: "a", namespace: "default", annotations: { "nitrous/trust": "code" } },
      spec: {
        predictor: {
          timeout: 9,
          model: { modelFormat: { name: "pytorch" }, storageUri: "/store/a.mar", args: ["--handler=h:f", "--batch_size=4"] },
        },
      },
    });
    const json = {
      headers: { "content-type": "application/json" },
      body: Buffer.from('{"url":"https://h/b.mar?x","model_name":"c","initial_workers":2}'),
    };
    expect((await call("POST", "/models", json)).reply.status).toBe(202);
    expect(created[1]).toMatchObject({ metadata: { name: "c" }, spec: { predictor: { model: { storageUri: "https://h/b.mar?x" } } } });
    expect(JSON.stringify(created[1])).not.toContain("trust");
    expect((await call("POST", "/models?url=a.mar&model_name=taken")).body).toMatchObject({ code: 409, type: "ConflictStatusException" });
  });

  it.each([
    ["", /url is required/],
    ["url=../a.mar", /Relative path is not allowed/],
    ["url=/etc/a.mar", /Relative path is not allowed/],
    ["url=a.mar", /--model-store/],
  ])("does not register %s", async (query, message) => {
    const { call, created } = server();
    expect((await call("POST", `/models?${query}`)).body).toMatchObject({ code: 400, message: expect.stringMatching(message) });
    expect(created).toEqual([]);
  });

  it("waits for a model when asked to, and unregisters one that does not load", async () => {
    const view = (status: object): ResourceView => ({ metadata: { name: "a" }, status }) as unknown as ResourceView;
    const { call, watch, deleted } = server(undefined, undefined, "/store");
    watch([view({}), view({ conditions: [{ type: "Ready", status: "True" }] })]);
    expect((await call("POST", "/models?url=a.mar&synchronous=true")).body).toEqual({
      status: 'Model "a" Version: 1.0 registered with 1 initial workers',
    });
    watch([view({ modelStatus: { transitionStatus: "BlockedByFailedLoad", lastFailureInfo: { message: "no\n/secret" } } })]);
    expect((await call("POST", "/models?url=a.mar&synchronous=true")).body).toMatchObject({
      message: "Failed to start workers for model a: no",
    });
    expect(deleted).toEqual(["a"]);
    watch([]);
    expect((await call("POST", "/models?url=a.mar&synchronous=true")).body).toMatchObject({ type: "RequestTimeoutException" });
  });

  it("unregisters a model, but no version of several", async () => {
    const { call, deleted } = server();
    expect((await call("DELETE", "/models/m/2.5")).body).toEqual({ status: 'Model "m" unregistered' });
    expect(deleted).toEqual(["m"]);
    const several = server(undefined, [statusOf({ version: "1", latest: false }), statusOf({ version: "2" })]);
    expect((await several.call("DELETE", "/models/m/1")).body).toMatchObject({ code: 400 });
    expect((await several.call("PUT", "/models/m/2/set-default")).reply.status).toBe(200);
    expect((await several.call("PUT", "/models/m/1/set-default")).reply.status).toBe(501);
  });

  it("scales a model, at once or while the client waits", async () => {
    const { call, scaled } = server();
    const { reply, body } = await call("PUT", "/models/m?min_worker=3");
    expect([reply.status, body]).toEqual([202, { status: "Processing worker updates..." }]);
    expect((await call("PUT", "/models/m?min_worker=2&synchronous=true")).body).toEqual({ status: "Workers scaled to 2 for model: m" });
    expect(scaled).toEqual([3, 2]);
    expect((await call("PUT", "/models/m?min_worker=100")).reply.status).toBe(400);
    expect((await call("PUT", "/models/none?min_worker=3")).reply.status).toBe(404);
  });
});
