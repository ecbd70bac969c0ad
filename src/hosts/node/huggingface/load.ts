import { ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";
import type { LoadMetadata } from "../../../frames/index.ts";
import type { HostedModel } from "../hosted-model.ts";
import { describe } from "./describe.ts";
import { fillMask } from "./fill-mask.ts";
import { findGraph, readObject } from "./folder.ts";
import { forward } from "./forward.ts";
import { TextGraph } from "./graph.ts";
import { loadPipeline } from "./load-pipeline.ts";
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
  if (textTask === undefined) return await loadPipeline(meta, task, settings, report);
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
  report("answering a first request");
  return await describe(meta, {
    methods: methodsOf(loaded, pooling),
    further: (isRowWise) => ({ forward: forward(loaded, isRowWise) }),
    warnings: [...settings.warnings, ...graph.warnings],
    close: () => graph.session.release(),
  });
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
