import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import type { InferRequest } from "../../core/inference.ts";
import { decodeInvocation } from "./decode.ts";
import { createMlflowRoutes } from "./routes.ts";

const decode = (body: unknown) => decodeInvocation(Buffer.from(JSON.stringify(body)));
const ROWS = [
  { a: 1, b: "x" },
  { a: null, b: "y" },
];

describe("a body for MLflow's scoring server", () => {
  it.each([
    [
      "dataframe_split",
      {
        columns: ["a", "b"],
        data: [
          [1, "x"],
          [null, "y"],
        ],
        index: [0, 1],
      },
      { kind: "rows", rows: ROWS },
    ],
    ["dataframe_split", { data: [[1], [2]] }, { kind: "rows", rows: [[1], [2]] }],
    ["dataframe_records", ROWS, { kind: "rows", rows: ROWS }],
    ["instances", [[1, 2]], { kind: "rows", rows: [[1, 2]] }],
    ["inputs", [1, 2], { kind: "rows", rows: [1, 2] }],
    ["inputs", { a: [1, 2] }, { kind: "columns", columns: { a: [1, 2] } }],
  ])("has %s", (key, value, payload) => {
    expect(decode({ [key]: value })).toEqual({ payload });
  });

  it("has parameters, of which lists and objects become texts", () => {
    const params = { times: 2, stop: ["."], options: { a: [1] }, absent: null, loud: true };
    expect(decode({ inputs: [1], params }).parameters).toEqual({ times: 2, stop: '["."]', options: '{"a":[1]}', loud: true });
  });

  it.each([
    [[], "exactly one of dataframe_split"],
    [{}, "exactly one of dataframe_split"],
    [{ inputs: [], instances: [] }, "exactly one of dataframe_split"],
    [{ dataframe_split: { columns: ["a"], data: [[1, 2]] } }, "dataframe_split.data[0]: expected a list of 1 values, got a list of 2"],
    [{ dataframe_split: [] }, "dataframe_split: expected an object with columns and data"],
    [{ dataframe_records: [[1]] }, "dataframe_records: expected a list of objects"],
    [{ instances: {} }, "instances: expected a list, got an object"],
    [{ inputs: 1 }, "inputs: expected a list of rows or an object of columns, got 1"],
    [{ inputs: [], params: [] }, "params: expected an object"],
  ])("is not %j", (body, message) => {
    expect(() => decode(body)).toThrow(message);
  });

  it("never throws anything but a ServeError", () => {
    const keys = fc.constantFrom("dataframe_split", "dataframe_records", "instances", "inputs", "params", "data", "columns");
    fc.assert(
      fc.property(fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()))), (body) => {
        try {
          decode(body);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });
});

describe("POST /invocations", () => {
  const asked: InferRequest[] = [];
  const names: Record<string, string[]> = { default: ["one", "two"], prod: ["wine-classifier"], solo: ["only"] };
  const routes = createMlflowRoutes({
    dataPlane: {
      admit: () => undefined,
      infer: async (request) => {
        asked.push(request);
        return { modelName: request.target.name, modelVersion: "1", output: { kind: "rows", rows: [1] } };
      },
    },
    controlPlane: { names: (namespace) => names[namespace] ?? [] },
  });

  async function post(path: string, params: Record<string, string>, headers: Record<string, string>): Promise<HttpReply> {
    const route = routes.find((each) => each.path === path);
    if (route === undefined) throw new Error(path);
    const context = new RequestContext({ deadline: 1e9, record: createRecord("mlflow", "", 0) });
    try {
      const body = Buffer.from('{"inputs":[1]}');
      return await route.handle({ method: "POST", params, headers, query: new URLSearchParams(), context, body });
    } catch (error) {
      return route.fail(error as ServeError);
    }
  }

  it.each([
    ["a path", "/v1/models/{model}/invocations", { model: "one" }, {}, "default/one"],
    ["a path with a version", "/v1/models/{model}/versions/{version}/invocations", { model: "one", version: "2" }, {}, "default/one/2"],
    ["the service of a prefix", "/invocations", { namespace: "prod", service: "wine-classifier" }, {}, "prod/wine-classifier"],
    ["the Host header", "/invocations", {}, { host: "wine-classifier-prod.example.com" }, "prod/wine-classifier"],
    ["being the only one", "/invocations", {}, { "nitrous-namespace": "solo" }, "solo/only"],
  ])("means the model of %s", async (_what, path, params, headers, expected) => {
    expect(await post(path, params, headers)).toMatchObject({ status: 200, body: '{"predictions":[1]}' });
    const { namespace, name, version } = asked.at(-1)?.target ?? { namespace: "", name: "" };
    expect([namespace, name, version].filter((part) => part !== undefined).join("/")).toBe(expected);
  });

  it("fails as MLflow's server does", async () => {
    expect(await post("/invocations", {}, {})).toMatchObject({
      status: 404,
      body: expect.stringMatching(/^\{"error_code":"RESOURCE_DOES_NOT_EXIST","message":".*POST \/v1\/models\/NAME\/invocations"\}$/),
    });
    expect(await post("/v1/models/{model}/invocations", { model: "one" }, { "content-type": "text/csv; charset=utf-8" })).toMatchObject({
      status: 400,
      body: '{"error_code":"BAD_REQUEST","message":"The Content-Type is text/csv; this server takes application/json"}',
    });
  });
});
