import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject, Parameters, Payload } from "../../../core/inference.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../../../core/tensor.ts";
import type { HostedModel } from "../hosted-model.ts";
import { loadHuggingFace } from "./load.ts";

const EXAMPLE = fileURLToPath(new URL("../../../../examples/huggingface-onnx/model", import.meta.url));

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "nitrous-huggingface-"));
});
afterAll(() => rm(root, { recursive: true }));

function load(settings: JsonObject = {}, directory = EXAMPLE): Promise<HostedModel> {
  const meta = { model: "m", version: "1", format: "huggingface-onnx", file: directory, directory, example: null, threads: 1 } as const;
  return loadHuggingFace({ ...meta, trust: "none", code: false, settings }, () => undefined);
}

/** A copy of the example, changed. */
async function copy(name: string, change: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(root, name);
  await cp(EXAMPLE, folder, { recursive: true });
  await change(folder);
  return folder;
}

function ask(model: HostedModel, payload: Payload | string[], method = "predict", parameters: Parameters = {}): Promise<Payload> {
  const own = Array.isArray(payload) ? ({ kind: "rows", rows: payload } as const) : payload;
  return model.run({ method, payload: own, outputs: undefined, parameters, signal: new AbortController().signal });
}

function numbers(payload: Payload): number[][] {
  if (payload.kind !== "tensors") throw new Error(`it answered ${payload.kind}`);
  return payload.tensors.map((tensor) => Array.from(elementsOf(tensor as NumericTensor) as Iterable<number>, Number));
}

const TEXTS = ["what a lovely day", "the food was awful and cold"];

describe("a classifier of texts", () => {
  it("answers what KServe's huggingfaceserver answers: indices, probabilities or logits", async () => {
    expect(numbers(await ask(await load(), TEXTS))).toEqual([[1, 0]]);
    const [bad = [], good = []] = numbers(await ask(await load({ return_probabilities: true }), TEXTS));
    expect(good[0]).toBeGreaterThan(0.9);
    // As KServe writes them: four digits.
    expect([...bad, ...good].every((value) => Number(value.toFixed(4)) === value)).toBe(true);
    const logits = numbers(await ask(await load({ return_raw_logits: true }), TEXTS));
    expect(logits.flat().some((value) => value < 0)).toBe(true);
  });

  it("answers transformers' objects as the method pipeline", async () => {
    const model = await load();
    expect(await ask(model, TEXTS.slice(0, 1), "pipeline")).toEqual({
      kind: "json",
      value: [{ label: "good", score: expect.closeTo(1, 1) }],
    });
    expect(await ask(model, TEXTS.slice(0, 1), "pipeline", { top_k: 2 })).toMatchObject({ value: [[{ label: "good" }, { label: "bad" }]] });
  });

  it("takes a tensor of any name, and columns", async () => {
    const model = await load();
    const data = TEXTS.map((text) => new TextEncoder().encode(text));
    const tensor = { name: "input-0", datatype: "BYTES", shape: [2], data } as const;
    expect(numbers(await ask(model, { kind: "tensors", tensors: [tensor] }))).toEqual([[1, 0]]);
    expect(numbers(await ask(model, { kind: "tensors", tensors: [{ ...tensor, shape: [2, 1] }] }))).toEqual([[1, 0]]);
    expect(numbers(await ask(model, { kind: "columns", columns: { text: TEXTS } }))).toEqual([[1, 0]]);
  });

  it("answers rows of different lengths in one call as it does alone", async () => {
    const model = await load({ return_raw_logits: true });
    const texts = ["good", "this is a lovely film", `the food was ${"really ".repeat(30)}bad`, "!", ""];
    const together = numbers(await ask(model, texts));
    for (const [row, text] of texts.entries()) {
      const alone = numbers(await ask(model, [text]));
      expect(together.map((logits) => logits[row])).toEqual(alone.map(([logit]) => expect.closeTo(logit as number, 4)));
    }
    expect(model.description.methods.predict).toMatchObject({ accepts: "json", batchable: true });
  });

  it("cuts texts off where the model ends", async () => {
    const model = await load({ max_length: "6", return_raw_logits: true });
    // [CLS], four tokens, [SEP].
    const [whole, cut] = await Promise.all([ask(model, ["what a lovely day"]), ask(model, ["what a lovely day was bad awful"])]);
    expect(numbers(cut as Payload)).toEqual(numbers(whole as Payload));
    await expect(load({ max_model_len: "65" })).rejects.toThrow("max_model_len is 65, but the model's configuration allows 64 tokens");
  });

  it("takes the graph's own tensors as the method forward, padded when requests share a call", async () => {
    const model = await load();
    const { predict, forward } = model.description.methods;
    expect(predict?.inputs.map(({ name }) => name)).toEqual(["text", "text_pair"]);
    expect(forward).toMatchObject({
      accepts: "tensors",
      batchable: true,
      sizing: { padding: { input_ids: 0, attention_mask: 0, token_type_ids: 0 }, cost: "input_ids" },
    });
    const tensor = (name: string, values: bigint[]) => ({
      name,
      datatype: "INT64" as const,
      shape: [1, 3],
      data: bytesOf(BigInt64Array.from(values)),
    });
    const tensors = [tensor("input_ids", [2n, 90n, 3n]), tensor("attention_mask", [1n, 1n, 1n]), tensor("token_type_ids", [0n, 0n, 0n])];
    const answer = await ask(model, { kind: "tensors", tensors }, "forward");
    expect(answer).toMatchObject({ tensors: [{ name: "logits", datatype: "FP32", shape: [1, 2] }] });
  });

  it.each<[Payload, Parameters, string]>([
    [{ kind: "rows", rows: [] }, {}, "give at least one instance"],
    [{ kind: "rows", rows: [3] }, {}, "instance 0: 'text' is 3; expected text"],
    [{ kind: "rows", rows: ["x", { txt: "y" }] }, {}, "instance 1 has 'txt', which is unknown; expected 'text', 'text_pair'"],
    [{ kind: "rows", rows: ["x", { text: "x", text_pair: "y" }] }, {}, "either all instances have a text_pair, or none"],
    [{ kind: "rows", rows: [{ b64: "?" }] }, {}, "b64 is not text in base64"],
    [{ kind: "rows", rows: [{ b64: "/w==" }] }, {}, "'text' is bytes that are not UTF-8 text"],
    [{ kind: "rows", rows: ["x"] }, { top: 1 }, "unknown parameter 'top'; this method takes none"],
    [
      { kind: "tensors", tensors: [{ name: "text", datatype: "INT8", shape: [1], data: new Uint8Array(1) }] },
      {},
      "input 'text' is INT8 of shape [1]; expected BYTES [rows]",
    ],
  ])("says what is wrong with a request: %j", async (payload, parameters, message) => {
    const model = await load();
    await expect(ask(model, payload, "predict", parameters)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
  });
});

describe("a folder", () => {
  it.each<[JsonObject, string]>([
    [{ task: "classify" }, "task 'classify' is unknown"],
    [{ task: "text-clasification" }, "did you mean text_classification?"],
    [{ task: "summarization" }, "ONNX exports for text2text_generation are not served by the Node host"],
    [{ task: "question-answering" }, "the graph has no output start_logits; it has logits: is the task another one?"],
    [{ task: "fill-mask", file_name: "other.onnx" }, "the setting file_name is 'other.onnx', and of .onnx files there are model.onnx"],
    [{ dtype: "q8" }, "it has no model_quantized.onnx: there are model.onnx"],
    [{ dtype: "bfloat16" }, "the setting dtype is 'bfloat16'; an ONNX export has one of auto, float32"],
    [{ backend: "vllm" }, "backend is 'vllm'"],
    [{ return_probabilities: true, return_raw_logits: true }, "give only one of"],
    [{ tensor_input_names: "input_ids" }, "leaves out attention_mask, token_type_ids, which the graph requires"],
  ])("is refused with settings that do not fit: %j", async (settings, message) => {
    await expect(load(settings)).rejects.toThrow(message);
  });

  it("warns of settings that nobody knows, and takes those whose work is done elsewhere", async () => {
    const { description } = await load({ speed: "9", model_id: "someone/model", disable_log_requests: true });
    expect(description.warnings).toEqual([expect.stringMatching(/^--speed has no effect; known are /)]);
  });

  it("is served from onnx/ too, and without an architecture when the task is set", async () => {
    const folder = await copy("below", async (place) => {
      await mkdir(join(place, "onnx"));
      await rename(join(place, "model.onnx"), join(place, "onnx/model.onnx"));
      const config = JSON.parse(await readFile(join(place, "config.json"), "utf8")) as JsonObject;
      await writeFile(join(place, "config.json"), JSON.stringify({ ...config, architectures: undefined }));
    });
    await expect(load({}, folder)).rejects.toThrow("the task cannot be told from config.json, which names no architecture");
    expect(numbers(await ask(await load({ task: "sentiment-analysis" }, folder), TEXTS))).toEqual([[1, 0]]);
  });

  it.each<[string, (folder: string) => Promise<unknown>, string]>([
    ["no tokenizer.json", (folder) => rm(join(folder, "tokenizer.json")), "it has no tokenizer.json"],
    [
      "half a tokenizer.json",
      (folder) => writeFile(join(folder, "tokenizer.json"), '{"model": {'),
      "tokenizer.json cannot be read as JSON",
    ],
    ["another tokenizer.json", (folder) => writeFile(join(folder, "tokenizer.json"), "{}"), "its tokenizer.json cannot be read"],
    ["a config.json that is a list", (folder) => writeFile(join(folder, "config.json"), "[]"), "config.json is not a JSON object"],
    ["half a graph", async (folder) => writeFile(join(folder, "model.onnx"), "x"), "its file is not an ONNX model"],
  ])("is refused with %s", async (name, change, message) => {
    const folder = await copy(name.replaceAll(" ", "-"), change);
    await expect(load({}, folder)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });
});
