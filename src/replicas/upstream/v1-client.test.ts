import { afterEach, describe, expect, it } from "vitest";
import { callOrigin } from "../../../test/call-origin.ts";
import { type Answer, type Asked, floats, integers, reaching, StandIn, texts } from "../../../test/upstream-servers.ts";
import type { Payload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import { elementsOf, type NumericTensor, type Tensor } from "../../core/tensor.ts";
import { createV1Client } from "./v1-client.ts";

const never = new AbortController().signal;
let v1: StandIn;

afterEach(() => v1?.stop());

async function ask(call: Partial<ReplicaCall> & { payload: Payload }, answer: string | ((asked: Asked) => Answer)): Promise<Payload> {
  v1 = await StandIn.start(typeof answer === "string" ? () => ({ body: answer }) : answer);
  const client = createV1Client(reaching(v1.server));
  try {
    return await client.infer({ method: "predict", ...call }, never);
  } finally {
    client.close();
  }
}

const tensors = (...given: Tensor[]): Payload => ({ kind: "tensors", tensors: given });
const numbersOf = (payload: Payload): unknown[] =>
  payload.kind === "tensors"
    ? payload.tensors.map((tensor) => [
        tensor.name,
        tensor.datatype,
        tensor.shape,
        tensor.datatype === "BYTES" ? tensor.data.map((bytes) => Buffer.from(bytes).toString()) : [...elementsOf(tensor as NumericTensor)],
      ])
    : [];

describe("a V1 body", () => {
  it("goes as it came, and so does the answer", async () => {
    const body = Buffer.from('{ "instances" : [1.0] , "extra": 12345678901234567890 }');
    const raw: Payload = {
      kind: "raw",
      contentType: "application/json; charset=utf-8",
      body,
      call: { protocol: "v1", path: ":explain", stream: false },
    };
    const answer = await ask(
      {
        payload: raw,
        origin: callOrigin({ headers: { "x-request-id": "r1", authorization: "Bearer key", traceparent: "00-1" }, deadline: 0 }),
      },
      () => ({
        headers: { "Content-Type": "application/json;charset=x" },
        body: '{"predictions": [1.0]}',
      }),
    );
    expect(answer).toMatchObject({ kind: "raw", contentType: "application/json;charset=x" });
    expect(answer.kind === "raw" && Buffer.from(answer.body).toString()).toBe('{"predictions": [1.0]}');
    expect(v1.last).toMatchObject({ method: "POST", url: "/v1/models/iris:explain", body });
    expect(v1.last.headers).toMatchObject({ "content-type": "application/json; charset=utf-8", "x-request-id": "r1", traceparent: "00-1" });
    expect(v1.last.headers).not.toHaveProperty("authorization");
  });

  it("of rows and columns that were read is written again", async () => {
    expect(await ask({ payload: { kind: "rows", rows: [2n ** 63n] }, parameters: { a: 1 } }, '{"predictions":[7],"more":1}')).toEqual({
      kind: "json",
      value: { predictions: [7], more: 1 },
    });
    expect(v1.last.body.toString()).toBe('{"instances":[9223372036854775808],"parameters":{"a":1}}');
    await ask({ payload: { kind: "columns", columns: { a: [1] } } }, "{}");
    expect(v1.json).toEqual({ inputs: { a: [1] } });
  });
});

describe("tensors for a V1 server", () => {
  it("are nested lists", async () => {
    await ask({ payload: tensors(floats("x", [2, 2], [1, 2.5, 3, Number.NaN])) }, '{"predictions":[0]}');
    expect(v1.json).toEqual({
      instances: [
        [1, 2.5],
        [3, null],
      ],
    });
  });

  it("keep all digits", async () => {
    const answer = await ask({ payload: tensors(integers("x", [2], [9007199254740993n, -1n])) }, '{"predictions":[9223372036854775807]}');
    expect(v1.last.body.toString()).toBe('{"instances":[9007199254740993,-1]}');
    expect(numbersOf(answer)).toEqual([["output-0", "INT64", [1], [9223372036854775807n]]]);
  });

  it("of several names are objects by name", async () => {
    await ask({ payload: tensors(integers("age", [2], [3n, 4n]), texts("name", ["a", "b"])) }, "{}");
    expect(v1.json).toEqual({
      instances: [
        { age: 3, name: "a" },
        { age: 4, name: "b" },
      ],
    });
  });

  it("that are a data frame's columns are values by name", async () => {
    await ask({ payload: tensors(integers("age", [2, 1], [3n, 4n])), parameters: { content_type: "pd" } }, "{}");
    expect(v1.json).toEqual({ instances: [{ age: 3 }, { age: 4 }] });
  });

  it.each<[string, Partial<ReplicaCall> & { payload: Payload }, RegExp]>([
    ["requested outputs", { payload: tensors(floats("x", [1], [1])), outputs: ["y"] }, /^outputs: .*V1 only/],
    ["parameters", { payload: tensors(floats("x", [1], [1])), parameters: { top_k: 1 } }, /^parameters\.top_k: /],
    [
      "datatypes that only binary tensors have",
      { payload: tensors({ name: "x", datatype: "FP16", shape: [1], data: new Uint8Array(2) }) },
      /^inputs\[0\]\.datatype: .*FP16/,
    ],
    ["a tensor without rows", { payload: tensors(floats("x", [], [1])) }, /^inputs\[0\]\.shape: /],
    ["tensors of different numbers of rows", { payload: tensors(floats("x", [1], [1]), floats("y", [2], [1, 2])) }, /^inputs: /],
    ["nothing", { payload: tensors() }, /^inputs: /],
  ])("have no place for %s", async (_, call, message) => {
    await expect(ask(call, "{}")).rejects.toMatchObject({ code: "UNIMPLEMENTED", message: expect.stringMatching(message) });
  });
});

describe("the predictions of a V1 server", () => {
  const one = { payload: tensors(floats("x", [1], [1])) };

  it.each<[string, unknown[]]>([
    ['{"predictions":[[1,2],[3,4]]}', [["output-0", "INT64", [2, 2], [1n, 2n, 3n, 4n]]]],
    ['{"predictions":[1.0,2.0]}', [["output-0", "FP64", [2], [1, 2]]]],
    ['{"predictions":[1e3]}', [["output-0", "FP64", [1], [1000]]]],
    [
      '{"predictions":[{"label":1,"score":2.0},{"label":0,"score":0.5}]}',
      [
        ["label", "INT64", [2], [1n, 0n]],
        ["score", "FP64", [2], [2, 0.5]],
      ],
    ],
    ['{"predictions":["v1.5",""]}', [["output-0", "BYTES", [2], ["v1.5", ""]]]],
    ['{"predictions":[true]}', [["output-0", "BOOL", [1], [1]]]],
    [
      '{"predictions":{"a":[1],"b":["x"]}}',
      [
        ["a", "INT64", [1], [1n]],
        ["b", "BYTES", [1], ["x"]],
      ],
    ],
    ['{"predictions":0.5}', [["output-0", "FP64", [1], [0.5]]]],
  ])("%s are tensors", async (body, expected) => expect(numbersOf(await ask(one, body))).toEqual(expected));

  it.each<[string, unknown]>([
    ['{"predictions":[[1],[1,2]]}', [[1], [1, 2]]],
    ['{"predictions":[{"a":1},{"b":1}]}', [{ a: 1 }, { b: 1 }]],
    ['{"explanations":[1]}', { explanations: [1] }],
    ["[1]", [1]],
  ])("%s are JSON", async (body, value) => expect(await ask(one, body)).toEqual({ kind: "json", value }));

  it("that are no JSON are the server's fault", async () => {
    await expect(ask(one, "oops")).rejects.toMatchObject({ code: "INTERNAL", message: expect.stringMatching(/cannot be read/) });
  });

  it("that are a refusal say why", async () => {
    await expect(ask(one, () => ({ status: 400, body: '{"error":"bad row"}' }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "bad row",
    });
  });
});
