import { expect } from "vitest";
import { flowers, type Operation, outputOf, post, refused, type Soak, send, unavailable } from "./soak-http.ts";

const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";

/** Clients that wait for their answers. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  "V2 JSON, one": (soak) => onnx(soak, "iris-onnx", 1),
  "V2 JSON, batch": (soak) => onnx(soak, "iris-onnx", 2 + Math.floor(soak.random() * 15)),
  "V2 binary": async (soak) => {
    const { features, labels } = flowers(soak, 1 + Math.floor(soak.random() * 8));
    const id = `binary-${soak.unique()}`;
    const data = Buffer.from(Float32Array.from(features.flat()).buffer);
    const input = { name: "features", shape: [labels.length, 4], datatype: "FP32", parameters: { binary_data_size: data.length } };
    const outputs = [{ name: "label", parameters: { binary_data: true } }];
    const head = Buffer.from(JSON.stringify({ id, inputs: [input], outputs }));
    const length = { "Inference-Header-Content-Length": String(head.length), "Content-Type": "application/octet-stream" };
    const response = await send(`${soak.url}/v2/models/iris-onnx/infer`, Buffer.concat([head, data]), length);
    if (response.status !== 200) return await unavailable(soak, "iris-onnx", response);
    const answer = Buffer.from(await response.arrayBuffer());
    const split = Number(response.headers.get("inference-header-content-length"));
    expect((JSON.parse(answer.subarray(0, split).toString()) as { id: string }).id).toBe(id);
    const values = answer.subarray(split);
    expect(labels.map((_, row) => Number(values.readBigInt64LE(row * 8)))).toEqual(labels);
    return "answered";
  },
  "V1, one": (soak) => sklearn(soak, "iris", 1),
  "V1, batch": (soak) => sklearn(soak, "iris", 2 + Math.floor(soak.random() * 15)),
  "V2, TypeScript": (soak) => {
    const number = soak.unique();
    const words = Array.from({ length: 1 + (number % 7) }, (_, index) => (number * (index + 1)).toString(36));
    const text = words.join(" ");
    const inputs = [{ name: "text", shape: [1], datatype: "BYTES", data: [text] }];
    return post(soak, "text-stats", "/v2/models/text-stats/infer", { inputs }, (body) => {
      expect(outputOf(body, "words")).toEqual([words.length]);
      expect(outputOf(body, "characters")).toEqual([text.length]);
    });
  },
  "a stream": async (soak) => {
    const number = soak.unique();
    const start = 1 + (number % 30);
    const body = { instances: [start], parameters: { pause: 0.0005 + number / 1e11 } };
    const response = await send(`${soak.url}/v1/models/countdown:predict`, JSON.stringify(body));
    if (response.status !== 200) return await unavailable(soak, "countdown", response);
    const lines = (await response.text()).trim().split("\n");
    const pieces = lines.map((line) => JSON.parse(line) as { predictions?: number[]; error?: string });
    const numbers = pieces.flatMap((piece) => piece.predictions ?? []);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => start - index));
    if (numbers.length === start) return "answered";
    // A stream whose host is killed ends with an error as its last piece.
    expect(pieces.at(-1)?.error).toBeTypeOf("string");
    expect(soak.isExcused("countdown"), `no kill explains ${lines.at(-1)}`).toBe(true);
    return "unavailable";
  },
  "a service that changes": (soak) => sklearn(soak, "changing", 1 + Math.floor(soak.random() * 4)),
  "a service that stands by": (soak) => onnx(soak, "standing-by", 1),
  "a service that comes and goes": async (soak) => {
    const { features, labels } = flowers(soak, 1);
    const tensor = { name: "features", shape: [1, 4], datatype: "FP32", data: features.flat() };
    const response = await send(`${soak.url}/v2/models/passing/infer`, JSON.stringify({ inputs: [tensor] }));
    if (response.status === 404) return await refused(soak, "passing", 404, response);
    if (response.status !== 200) return await unavailable(soak, "passing", response);
    expect(outputOf((await response.json()) as object, "label")).toEqual(labels);
    return "answered";
  },
  "an unknown model (404)": async (soak) =>
    await refused(soak, "nobody", 404, await send(`${soak.url}/v1/models/nobody:predict`, JSON.stringify({ instances: [soak.unique()] }))),
  "a wrong shape (400)": async (soak) =>
    await refused(soak, "iris", 400, await send(`${soak.url}/v1/models/iris:predict`, JSON.stringify({ instances: [[soak.unique()]] }))),
  "broken JSON (400)": async (soak) =>
    await refused(soak, "iris-onnx", 400, await send(`${soak.url}/v2/models/iris-onnx/infer`, `{"id":"${soak.unique()}","inputs":`)),
  "the list of services": async ({ url }) => {
    const response = await fetch(url + SERVICES);
    expect(response.status).toBe(200);
    const { items } = (await response.json()) as { items: ReadonlyArray<{ metadata: { name: string } }> };
    const names = items.map(({ metadata }) => metadata.name);
    for (const name of ["changing", "standing-by"]) expect(names).toContain(name);
    return "answered";
  },
  "a patch": async ({ url, unique }) => {
    const seen = String(unique());
    const patch = JSON.stringify({ metadata: { annotations: { "example.com/seen": seen } } });
    const response = await send(`${url}${SERVICES}/standing-by`, patch, { "Content-Type": "application/merge-patch+json" }, "PATCH");
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(text).toContain(`"${seen}"`);
    return "answered";
  },
  "a scrape": async ({ url }) => {
    const response = await fetch(`${url}/metrics`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("nitrous_requests_in_flight");
    return "answered";
  },
};

function onnx(soak: Soak, model: string, rows: number): ReturnType<Operation> {
  const { features, labels } = flowers(soak, rows);
  const id = `json-${soak.unique()}`;
  const tensor = { name: "features", shape: [rows, 4], datatype: "FP32", data: features.flat() };
  return post(soak, model, `/v2/models/${model}/infer`, { id, inputs: [tensor] }, (body) => {
    expect(body.id).toBe(id);
    expect(outputOf(body, "label")).toEqual(labels);
  });
}

function sklearn(soak: Soak, model: string, rows: number): ReturnType<Operation> {
  const { features, labels } = flowers(soak, rows);
  return post(soak, model, `/v1/models/${model}:predict`, { instances: features }, ({ predictions }) => {
    expect(predictions).toEqual(labels);
  });
}
