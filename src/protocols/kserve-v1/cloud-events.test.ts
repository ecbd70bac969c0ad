import { describe, expect, it } from "vitest";
import { createRecord, RequestContext } from "../../core/context.ts";
import type { HttpReply } from "../../core/http.ts";
import type { InferRequest } from "../../core/inference.ts";
import type { DataPlane } from "../../core/planes.ts";
import { createV1Routes, type V1Options } from "./routes.ts";

const BINARY = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "sensor", "ce-type": "reading", "ce-colour": "gr%C3%BCn" };
const STRUCTURED = { "content-type": "application/cloudevents+json; charset=utf-8" };
const envelope = (rest: object): string =>
  JSON.stringify({ specversion: "1.0", id: "1", source: "sensor", type: "reading", time: "2021-01-28T21:04:43.144141+00:00", ...rest });

/** A model that answers with its instances, behind KServe's route. */
async function predict(body: string | Uint8Array, headers: Record<string, string>, variables: Record<string, string> = {}) {
  const asked: InferRequest[] = [];
  const dataPlane: DataPlane = {
    admit: () => undefined,
    passes: () => false,
    signature: () => Promise.reject(new Error("not asked")),
    infer: (request) => {
      asked.push(request);
      return Promise.resolve({ modelName: "m", modelVersion: "1", output: request.payload as never });
    },
  };
  const controlPlane = { variable: (_: unknown, name: string) => variables[name] } as unknown as V1Options["controlPlane"];
  const route = createV1Routes({ dataPlane, controlPlane }).find(({ path }) => path === "/v1/models/{model}:predict");
  const context = new RequestContext({ deadline: 1e9, record: createRecord("v1", "", 0) });
  const request = { method: "POST", params: { model: "m" }, headers, query: new URLSearchParams(), context, body: Buffer.from(body) };
  const reply = (await route?.handle(request)) as HttpReply;
  const text = Array.isArray(reply.body) ? Buffer.concat(reply.body).toString() : String(reply.body);
  return { reply, text, payload: asked[0]?.payload };
}

describe("a CloudEvent in binary mode", () => {
  it("is answered by one, with the spaces of KServe's library", async () => {
    const { reply, text } = await predict('{"instances":[[1,2],["a,b: \\"c\\""]]}', BINARY);
    expect(text).toBe('{"predictions": [[1, 2], ["a,b: \\"c\\""]]}');
    expect(reply.headers).toMatchObject({
      "Content-Type": "application/json",
      "ce-specversion": "1.0",
      "ce-type": "io.kserve.inference.response",
      "ce-source": "io.kserve.inference.m",
    });
    expect(reply.headers?.["ce-id"]).not.toBe("1");
    expect(reply.headers).not.toHaveProperty("ce-colour");
  });

  it("has its attributes in the answer with CE_MERGE, and the type and source of CE_TYPE and CE_SOURCE", async () => {
    const settings = { CE_MERGE: "True", CE_TYPE: "my type", CE_SOURCE: "me" };
    const { reply } = await predict('{"instances":[]}', { ...BINARY, "ce-datacontenttype": "text/xml" }, settings);
    expect(reply.headers).toMatchObject({ "ce-colour": "gr%C3%BCn", "ce-type": "my%20type", "ce-source": "me" });
    expect(reply.headers).not.toHaveProperty("ce-datacontenttype");
    expect(reply.headers?.["ce-id"]).not.toBe("1");
  });

  it("that is no JSON is refused in KServe's words", async () => {
    await expect(predict("{", BINARY)).rejects.toThrow("Failed to decode or parse binary json cloudevent: Unrecognized request format");
  });

  it("needs its four headers: without them it is a plain request", async () => {
    const { "ce-id": _, ...headers } = BINARY;
    expect((await predict('{"instances":[1]}', headers)).text).toBe('{"predictions":[1]}');
  });
});

describe("a CloudEvent in structured mode", () => {
  it("is answered by one", async () => {
    const { reply, text } = await predict(envelope({ data: { instances: [[1, 2]] }, colour: "blue" }), STRUCTURED, { CE_MERGE: "true" });
    expect(reply.headers).toEqual({ "Content-Type": "application/cloudevents+json" });
    expect(JSON.parse(text)).toMatchObject({
      specversion: "1.0",
      type: "io.kserve.inference.response",
      source: "io.kserve.inference.m",
      colour: "blue",
      data: { predictions: [[1, 2]] },
    });
    expect(JSON.parse(text)).not.toMatchObject({ id: "1" });
  });

  it("needs no time, and may have its data in base64", async () => {
    const { time: _, ...event } = JSON.parse(envelope({})) as Record<string, unknown>;
    const data_base64 = Buffer.from('{"instances":[7]}').toString("base64");
    for (const body of [
      { ...event, data: { instances: [7] } },
      { ...event, data_base64 },
    ])
      expect(JSON.parse((await predict(JSON.stringify(body), STRUCTURED)).text)).toMatchObject({ data: { predictions: [7] } });
  });

  it("is opened without its content type too, and answered plainly", async () => {
    expect((await predict(envelope({ data: { inputs: [1] } }), {})).text).toBe('{"predictions":[1]}');
  });

  it("says where its data is wrong", async () => {
    await expect(predict(envelope({ data: 5 }), STRUCTURED)).rejects.toThrow(
      'data: expected an object with "instances" or "inputs", got 5',
    );
  });
});

describe("a body that is no JSON", () => {
  it.each(["image/jpeg", "text/plain", "application/avro"])("goes to the model as it is: %s", async (type) => {
    const { payload } = await predict(Uint8Array.of(0xff, 0xd8, 1), { "content-type": type });
    expect(payload).toEqual({ kind: "rows", rows: [{ b64: "/9gB" }] });
  });

  it.each(["application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain", "application/ld+json"])(
    "is JSON when it looks like it: %s",
    async (type) => {
      expect((await predict(' {"instances":[1]}', { "content-type": type })).text).toBe('{"predictions":[1]}');
    },
  );

  it("is refused where JSON is announced, or nothing is", async () => {
    for (const headers of [{}, { "content-type": "application/json" }, { "content-type": "application/x-www-form-urlencoded" }])
      await expect(predict("a=b", headers as Record<string, string>)).rejects.toThrow("Unrecognized request format");
  });
});
