import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import type { InferRequest, Payload } from "../../core/inference.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { DataPlane } from "../../core/planes.ts";
import { bytesOf, type Tensor } from "../../core/tensor.ts";
import { encodePredictions } from "../shared/index.ts";
import { decodePredict } from "./decode.ts";
import type { LargePredict } from "./large.ts";
import { createV1Routes, type V1Options } from "./routes.ts";

const decode = (text: string) => decodePredict(Buffer.from(text));
const tensor = (name: string, shape: number[], values: number[]): Tensor => ({
  name,
  datatype: "FP64",
  shape,
  data: bytesOf(Float64Array.from(values)),
});

describe("decoding", () => {
  it.each([
    ['{"instances":[[1,2],"a",{"b":null}]}', { kind: "rows", rows: [[1, 2], "a", { b: null }] }],
    ['{"inputs":[1],"instances":[2]}', { kind: "rows", rows: [1] }],
    ['{"inputs":{"a":[1,2]}}', { kind: "columns", columns: { a: [1, 2] } }],
    ['{"inputs":null,"instances":[9007199254740993]}', { kind: "rows", rows: [9007199254740993n] }],
  ])("%s", (text, payload) => {
    expect(decode(text).payload).toEqual(payload);
  });

  it.each([
    ['{"instances":5}', 'Expected "instances" to be a list, got 5'],
    ["[1]", 'expected an object with "instances" or "inputs", got a list of 1'],
    ["", "the body is empty"],
    ['{"instances":[1],"parameters":{"a":[]}}', "parameters.a: expected a string, number or boolean"],
    [`{"instances":${"[".repeat(200)}${"]".repeat(200)}}`, "JSON nesting depth exceeds maximum allowed limit (100)"],
  ])("refuses %s", (text, message) => {
    expect(() => decode(text)).toThrow(message);
  });

  it("never throws anything but a ServeError", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          decode(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });
});

describe("encoding", () => {
  it.each<[Payload, string]>([
    [{ kind: "tensors", tensors: [tensor("y", [1, 2], [1, 2])] }, '{"predictions":[[1,2]]}'],
    [{ kind: "tensors", tensors: [tensor("y", [2], [0.5, Number.NaN])] }, '{"predictions":[0.5,null]}'],
    [
      { kind: "tensors", tensors: [tensor("a", [2], [1, 2]), tensor("b", [2, 1], [3, 4])] },
      '{"predictions":[{"a":1,"b":[3]},{"a":2,"b":[4]}]}',
    ],
    [{ kind: "tensors", tensors: [tensor("a", [2], [1, 2]), tensor("b", [1], [3])] }, '{"predictions":{"a":[1,2],"b":[3]}}'],
    [
      { kind: "tensors", tensors: [{ name: "s", datatype: "BYTES", shape: [2], data: [Buffer.from("ü"), Uint8Array.of(255)] }] },
      '{"predictions":["ü",{"b64":"/w=="}]}',
    ],
    [{ kind: "json", value: { predictions: [1n], more: true } }, '{"predictions":[1],"more":true}'],
    [{ kind: "json", value: { explanations: [1] } }, '{"explanations":[1]}'],
    [{ kind: "json", value: "text" }, '{"predictions":"text"}'],
  ])("%#", (payload, expected) => {
    expect(encodePredictions(payload)).toBe(expected);
  });
});

describe("routes", () => {
  /** Fakes: what the planes do has tests of its own. */
  const status = {
    namespace: "default",
    name: "m",
    version: "1",
    format: "python",
    protocols: [] as ModelStatus["protocols"],
    state: "ready",
    latest: true,
    answers: true,
    reason: "",
  } as ModelStatus;
  const asked: InferRequest[] = [];
  let answered: Payload | undefined;
  const dataPlane: DataPlane = {
    admit: () => undefined,
    passes: ({ name }, protocol) => name === "own" && protocol === "v1",
    signature: () => Promise.resolve({ accepts: "json", inputs: [], outputs: [] }),
    infer(request) {
      asked.push(request);
      const { payload } = request;
      return Promise.resolve({ modelName: "m", modelVersion: "1", output: outputOf(payload) });
    },
  };
  const outputOf = (payload: Payload): Payload | AsyncIterable<Payload> => {
    if (payload.kind === "raw" && payload.call?.stream !== true) return { ...payload, contentType: "text/plain" };
    return payload.kind === "rows" ? (answered ?? payload) : stream(payload);
  };
  const statusOf = (name: string): ModelStatus =>
    name === "chat"
      ? { ...status, name, protocols: ["openai"] }
      : { ...status, answers: name === "m", state: name === "m" ? "ready" : "loading", reason: "starting" };
  let names = ["m"];
  const controlPlane: V1Options["controlPlane"] = {
    resources: { get: () => ({ metadata: { creationTimestamp: "2026-01-02T03:04:05Z" } }) } as never,
    variable: () => undefined,
    names: () => names,
    list: () => names.map(statusOf),
    get: ({ name }) => statusOf(name),
    readiness: async ({ name }) => statusOf(name),
    versions: () => [],
    describe: () => Promise.reject(new Error("not asked")),
  };
  async function* stream(payload: Payload): AsyncGenerator<Payload> {
    if (payload.kind === "raw") yield { kind: "raw", contentType: "text/event-stream", body: Buffer.from("data: 1\n\n") };
    else yield { kind: "json", value: [1] };
    throw new ServeError("INTERNAL", "broke");
  }

  async function call(
    method: string,
    path: string,
    params: Record<string, string>,
    text = "",
    headers = {},
    large?: LargePredict,
  ): Promise<HttpReply> {
    const route = createV1Routes({ dataPlane, controlPlane, large }).find(
      (candidate) => candidate.method === method && candidate.path === path,
    );
    if (route === undefined) throw new Error(`no route ${method} ${path}`);
    const context = new RequestContext({ deadline: 1e9, record: createRecord("v1", "", 0) });
    return await route.handle({ method, params, headers, query: new URLSearchParams(), context, body: Buffer.from(text) });
  }

  it("list models and tell how they are", async () => {
    expect(await call("GET", "/", {})).toMatchObject({ status: 200, body: '{"status":"alive"}' });
    expect((await call("GET", "/v1/models", {})).body).toBe('{"models":["m"]}');
    expect(await call("GET", "/v1/models/{model}", { model: "m" })).toMatchObject({ status: 200, body: '{"name":"m","ready":true}' });
    expect(await call("GET", "/v1/models/{model}", { model: "n" })).toMatchObject({ status: 503 });
  });

  it("have OpenAI's keys too once a model speaks its protocol", async () => {
    names = ["m", "chat"];
    const chat = { id: "chat", object: "model", created: 1767323045, owned_by: "nitrous" };
    expect(JSON.parse(String((await call("GET", "/v1/models", {})).body))).toEqual({ models: names, object: "list", data: [chat] });
    const described = await call("GET", "/v1/models/{model}", { model: "chat" });
    expect([described.status, JSON.parse(String(described.body))]).toEqual([200, { name: "chat", ready: true, ...chat }]);
    names = ["m"];
  });

  it("leave bodies to models whose own servers speak the protocol, and their answers as they are", async () => {
    const text = '{"instances": whatever';
    const reply = await call("POST", "/v1/models/{model}:{method}", { model: "own", method: "explain" }, text, { "content-type": "a/b" });
    expect(asked.at(-1)).toMatchObject({
      target: { namespace: "default", name: "own" },
      payload: { kind: "raw", contentType: "a/b", call: { protocol: "v1", path: ":explain", stream: false } },
    });
    expect(asked.at(-1)?.target).not.toHaveProperty("method");
    expect(reply).toMatchObject({ status: 200, headers: { "Content-Type": "text/plain" } });
    expect(Buffer.from(reply.body as Uint8Array).toString()).toBe(text);
    await call("POST", "/v1/models/{model}:predict", { model: "own" }, text);
    expect(asked.at(-1)?.payload).toMatchObject({ contentType: "application/json" });
    // What curl says when nobody says anything.
    await call("POST", "/v1/models/{model}:predict", { model: "own" }, text, { "content-type": "application/x-www-form-urlencoded" });
    expect(asked.at(-1)?.payload).toMatchObject({ contentType: "application/json" });
    expect(asked.at(-1)?.payload).toMatchObject({ contentType: "application/json", call: { path: ":predict" } });
    const form = { "content-type": "application/x-www-form-urlencoded" };
    await call("POST", "/v1/models/{model}:predict", { model: "own" }, text, form);
    expect(asked.at(-1)?.payload).toMatchObject({ contentType: "application/json" });
  });

  it("leave them in pieces, and end a stream of events that breaks with its error", async () => {
    const accept = { accept: "text/event-stream" };
    const reply = await call("POST", "/v1/models/{model}:predict", { model: "own" }, "{}", accept);
    let text = "";
    for await (const piece of reply.body as AsyncIterable<Uint8Array | string>) text += Buffer.from(piece);
    expect([reply.headers?.["Content-Type"], text]).toEqual(["text/event-stream", 'data: 1\n\ndata: {"error":"broke"}\n\n']);
  });

  it("read events for them all the same", async () => {
    const event = { specversion: "1.0", id: "1", source: "s", type: "t", data: { instances: [1] } };
    await call("POST", "/v1/models/{model}:predict", { model: "own" }, JSON.stringify(event), {
      "content-type": "application/cloudevents+json",
    });
    expect(asked.at(-1)?.payload).toEqual({ kind: "rows", rows: [1] });
  });

  it("predict, with the namespace and version that were asked for", async () => {
    const params = { model: "m", version: "2" };
    const reply = await call("POST", "/v1/models/{model}/versions/{version}:predict", params, '{"instances":[[1,2]]}', {
      "nitrous-namespace": "team",
    });
    expect(reply.body).toBe('{"predictions":[[1,2]]}');
    expect(asked.at(-1)?.target).toEqual({ namespace: "team", name: "m", version: "2" });
    await call("POST", "/v1/models/{model}:predict", { model: "openai/clip" }, '{"instances":[1]}');
    expect(asked.at(-1)?.target).toEqual({ namespace: "default", name: "openai--clip" });
    await expect(call("POST", "/v1/models/{model}:predict", { model: "../m" }, "{}")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("call the method of the path, or TensorFlow Serving's signature_name", async () => {
    await call("POST", "/v1/models/{model}:{method}", { model: "m", method: "encode" }, '{"instances":[1]}');
    expect(asked.at(-1)?.target).toEqual({ namespace: "default", name: "m", method: "encode" });
    const path = "/v1/models/{model}:predict";
    await call("POST", path, { model: "m" }, '{"instances":[1],"signature_name":"score"}');
    expect(asked.at(-1)?.target).toMatchObject({ method: "score" });
    await call("POST", path, { model: "m" }, '{"instances":[1],"signature_name":""}');
    expect(asked.at(-1)?.target).not.toHaveProperty("method");
    await expect(call("POST", path, { model: "m" }, '{"instances":[1],"signature_name":1}')).rejects.toThrow(
      "signature_name: expected a string",
    );
    await expect(call("POST", "/v1/models/{model}:{method}", { model: "m", method: "../x" }, "{}")).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  it("stream lines or events, and tell of an error in mid-stream", async () => {
    for (const [headers, expected] of [
      [{}, '{"predictions":[1]}\n{"error":"broke"}\n'],
      [{ accept: "text/event-stream" }, 'data: {"predictions":[1]}\n\ndata: {"error":"broke"}\n\n'],
    ] as const) {
      const reply = await call("POST", "/v1/models/{model}:predict", { model: "m" }, '{"inputs":{}}', headers);
      let text = "";
      for await (const piece of reply.body as AsyncIterable<string>) text += piece;
      expect(text).toBe(expected);
    }
  });

  it("have what is large read and written elsewhere, bound to the signature that the model has", async () => {
    const tensors = [tensor("y", [2], [1, 2])];
    const models: string[] = [];
    const large: LargePredict = {
      maxBytes: 30,
      maxElements: 1,
      decode: (_body, _signature, model) => {
        models.push(model);
        return Promise.resolve({ form: "instances", payload: { kind: "rows", rows: ["read"] } });
      },
      encode: () => Promise.resolve(Buffer.from("written")),
    };
    const path = "/v1/models/{model}:predict";
    expect((await call("POST", path, { model: "m" }, '{"instances":[[1,2]]}', {}, large)).body).toBe('{"predictions":[[1,2]]}');
    expect(asked.at(-1)?.boundTo).toBeUndefined();
    const reply = await call("POST", path, { model: "m" }, `{"instances":[[1,2]]${" ".repeat(30)}}`, {}, large);
    expect([reply.body, models]).toEqual(['{"predictions":["read"]}', ["m"]]);
    expect(asked.at(-1)?.boundTo).toEqual({ accepts: "json", inputs: [], outputs: [] });

    answered = { kind: "tensors", tensors };
    expect(Buffer.from((await call("POST", path, { model: "m" }, '{"instances":[1]}', {}, large)).body as Uint8Array).toString()).toBe(
      "written",
    );
    answered = { kind: "tensors", tensors: [tensor("y", [1], [1])] };
    expect((await call("POST", path, { model: "m" }, '{"instances":[1]}', {}, large)).body).toBe('{"predictions":[1]}');
  });
});
