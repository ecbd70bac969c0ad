import { closestNames } from "../../../core/closest.ts";
import { ServeError } from "../../../core/errors.ts";
import type { JsonObject, Payload } from "../../../core/inference.ts";
import type { Signature } from "../../../core/signature.ts";
import type { LoadMetadata } from "../../../frames/index.ts";
import { payloadOf, readExample } from "../example.ts";
import type { HostedModel, ModelCall } from "../hosted-model.ts";
import { ORT_VERSION } from "../onnx.ts";
import { fillMask } from "./fill-mask.ts";
import { findGraph, readObject } from "./folder.ts";
import { forward } from "./forward.ts";
import { TextGraph } from "./graph.ts";
import type { Loaded, TaskMethod } from "./loaded.ts";
import { longestOf } from "./max-length.ts";
import { readPooling } from "./pooling.ts";
import { questionAnswering } from "./question-answering.ts";
import { sequenceClassification } from "./sequence-classification.ts";
import { type HuggingFaceSettings, readHuggingFaceSettings } from "./settings.ts";
import { findTask, TEXT_TASKS, type TextTask } from "./task.ts";
import { textEmbedding } from "./text-embedding.ts";
import { tokenClassification } from "./token-classification.ts";
import { readTokenizer } from "./tokenizer.ts";
import { tryMethod } from "./warm-up.ts";
import { zeroShotClassification } from "./zero-shot-classification.ts";

/**
 * A folder of a Hugging Face model whose weights were exported to ONNX: config.json, tokenizer.json and model.onnx. It is data only; no
 * code of it runs.
 * @throws ServeError INVALID_ARGUMENT for a folder that lacks something, or whose model does not answer; UNIMPLEMENTED for tasks that
 * the Node host has not
 */
export async function loadHuggingFace(meta: LoadMetadata, report: (step: string) => void): Promise<HostedModel> {
  const { directory } = meta;
  const settings = readHuggingFaceSettings(meta.settings ?? {}, meta.threads);
  const config = await readObject(directory, "config.json");
  if (config === undefined) throw new ServeError("INVALID_ARGUMENT", "it has no config.json");
  const task = await findTask(config, directory, settings.task);
  const textTask = TEXT_TASKS.find((each) => each === task);
  if (textTask === undefined) {
    const hint = "serve the folder with its safetensors, which the Python host takes, or export a model for another task";
    throw new ServeError("UNIMPLEMENTED", `ONNX exports for ${task} are not served by the Node host; ${hint}`);
  }
  return await loadTextModel(meta, { task: textTask, config, settings }, report);
}

interface Found {
  readonly task: TextTask;
  readonly config: JsonObject;
  readonly settings: HuggingFaceSettings;
}

async function loadTextModel(meta: LoadMetadata, { task, config, settings }: Found, report: (step: string) => void): Promise<HostedModel> {
  const { directory } = meta;
  const file = await findGraph(directory, settings.dtype, settings.fileName);
  report("reading the tokenizer");
  const tokenizer = await readTokenizer(directory, settings.lowerCase);
  const pooling = task === "text_embedding" ? await readPooling(directory) : undefined;
  report("reading the graph");
  const graph = await TextGraph.open(file, settings.session, { id: tokenizer.padId, type: tokenizer.padType, isLeft: tokenizer.padsLeft });
  const missing = settings.inputNames === undefined ? [] : graph.inputNames.filter((name) => settings.inputNames?.includes(name) !== true);
  if (missing.length > 0) {
    const message = `the setting tensor_input_names leaves out ${missing.join(", ")}, which the graph requires`;
    throw new ServeError("INVALID_ARGUMENT", message);
  }
  const most = longestOf(config, settings.maxLength, tokenizer.longest);
  const maxLength = settings.maxLength === undefined ? Math.min(most, pooling?.maxLength ?? most) : most;
  const loaded: Loaded = { task, directory, config, settings, tokenizer, graph, maxLength };
  const methods = methodsOf(loaded, pooling);
  report("answering a first request");
  return await describe(meta, loaded, methods);
}

function methodsOf(loaded: Loaded, pooling: Awaited<ReturnType<typeof readPooling>> | undefined): Record<string, TaskMethod> {
  switch (loaded.task) {
    case "sequence_classification":
      return sequenceClassification(loaded);
    case "token_classification":
      return tokenClassification(loaded);
    case "zero_shot_classification":
      return zeroShotClassification(loaded);
    case "question_answering":
      return questionAnswering(loaded);
    case "fill_mask":
      return fillMask(loaded);
    case "text_embedding":
      return textEmbedding(loaded, pooling ?? { modes: ["mean"], normalizes: true, maxLength: undefined });
  }
}

async function describe(meta: LoadMetadata, loaded: Loaded, own: Record<string, TaskMethod>): Promise<HostedModel> {
  const proven = new Map<string, boolean>();
  for (const [name, method] of Object.entries(own)) proven.set(name, await tryMethod(name, method));
  const isRowWise = [...proven.values()].some((each) => each);
  const methods: Record<string, TaskMethod> = { ...own, forward: forward(loaded, isRowWise) };
  const given = await readExample(meta.example);
  if (given !== undefined) await own.predict?.run(callOf(payloadOf(given)));
  const [sample] = own.predict?.samples ?? [];
  const example = given ?? (sample === undefined ? undefined : { instances: [sample] });
  const signatures = Object.entries(methods).map(([name, method]) => [name, signatureOf(method, proven.get(name) === true)] as const);
  return {
    description: {
      framework: "onnxruntime",
      frameworkVersion: ORT_VERSION,
      warnings: [...loaded.settings.warnings, ...loaded.graph.warnings],
      ...(example === undefined ? {} : { example }),
      methods: Object.fromEntries(signatures),
    },
    async run(call) {
      const method = methods[call.method] ?? methods.predict;
      if (method === undefined) throw new ServeError("NOT_FOUND", `there is no method '${call.method}'`);
      return named(await method.run(call), call.outputs);
    },
    close: () => loaded.graph.session.release(),
  };
}

function callOf(payload: Payload): ModelCall {
  return { method: "predict", payload, outputs: undefined, parameters: {}, signal: new AbortController().signal };
}

function signatureOf({ inputs, outputs, tensors }: TaskMethod, batchable: boolean): Signature {
  if (tensors !== undefined) return { accepts: "tensors", inputs, outputs, ...tensors, streaming: false };
  return { accepts: "json", inputs, outputs, batchable, streaming: false };
}

/** The outputs that were asked for. @throws ServeError INVALID_ARGUMENT for those that the method has not */
function named(payload: Payload, outputs: readonly string[] | undefined): Payload {
  if (outputs === undefined || outputs.length === 0 || payload.kind !== "tensors") return payload;
  const names = payload.tensors.map(({ name }) => name);
  const tensors = outputs.map((name) => {
    const tensor = payload.tensors.find((each) => each.name === name);
    if (tensor !== undefined) return tensor;
    const [close] = closestNames(name, names);
    const hint = close === undefined ? "" : `. Did you mean '${close}'?`;
    throw new ServeError("INVALID_ARGUMENT", `unknown output '${name}'; this method answers ${names.join(", ")}${hint}`);
  });
  return { kind: "tensors", tensors };
}
