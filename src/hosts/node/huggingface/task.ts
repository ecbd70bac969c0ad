import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { closestNames } from "../../../core/closest.ts";
import { ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";

/** Tasks on text, by KServe's names where it has them; the others are Transformers.js's. */
export const TEXT_TASKS = [
  "sequence_classification",
  "token_classification",
  "zero_shot_classification",
  "question_answering",
  "fill_mask",
  "text_embedding",
] as const;
export type TextTask = (typeof TEXT_TASKS)[number];

/** Tasks that Transformers.js prepares the input of, by its pipelines' names. */
export const PIPELINE_TASKS = {
  image_classification: "image-classification",
  object_detection: "object-detection",
  image_segmentation: "image-segmentation",
  semantic_segmentation: "image-segmentation",
  depth_estimation: "depth-estimation",
  automatic_speech_recognition: "automatic-speech-recognition",
} as const;
export type PipelineTask = keyof typeof PIPELINE_TASKS;

/** Tasks that only the Python host serves. */
const OTHERS = ["zero_shot_image_classification", "text_generation", "text2text_generation"] as const;

export type Task = TextTask | PipelineTask | (typeof OTHERS)[number];
const TASKS: readonly string[] = [...TEXT_TASKS, ...Object.keys(PIPELINE_TASKS), ...OTHERS];

/** What else people call a task. */
const ALIASES: Readonly<Record<string, Task>> = {
  text_classification: "sequence_classification",
  sentiment_analysis: "sequence_classification",
  ner: "token_classification",
  feature_extraction: "text_embedding",
  sentence_similarity: "text_embedding",
  embedding: "text_embedding",
  summarization: "text2text_generation",
  translation: "text2text_generation",
};

/** Ends of an architecture's name; the first that fits counts. */
const ARCHITECTURES: ReadonlyArray<readonly [ending: string, task: Task]> = [
  ["WhisperForConditionalGeneration", "automatic_speech_recognition"],
  ["Speech2TextForConditionalGeneration", "automatic_speech_recognition"],
  ["ForSpeechSeq2Seq", "automatic_speech_recognition"],
  ["ForCTC", "automatic_speech_recognition"],
  ["ForSequenceClassification", "sequence_classification"],
  ["ForTokenClassification", "token_classification"],
  ["ForQuestionAnswering", "question_answering"],
  ["ForQuestionAnsweringSimple", "question_answering"],
  ["ForMaskedLM", "fill_mask"],
  ["ForCausalLM", "text_generation"],
  ["LMHeadModel", "text_generation"],
  ["ForConditionalGeneration", "text2text_generation"],
  ["MTModel", "text2text_generation"],
  ["EncoderDecoderModel", "text2text_generation"],
  ["ForImageClassification", "image_classification"],
  ["ForImageClassificationWithTeacher", "image_classification"],
  ["ForObjectDetection", "object_detection"],
  ["ForSemanticSegmentation", "semantic_segmentation"],
  ["ForUniversalSegmentation", "image_segmentation"],
  ["ForInstanceSegmentation", "image_segmentation"],
  ["ForSegmentation", "image_segmentation"],
  ["ForDepthEstimation", "depth_estimation"],
];
const DUAL_ENCODERS = ["CLIPModel", "ChineseCLIPModel", "AltCLIPModel", "SiglipModel", "Siglip2Model"];
const FRONT_MATTER_BYTES = 65_536;

/** The task that a name means; undefined for one that is not served. */
function canonical(name: string): Task | undefined {
  const plain = name.trim().toLowerCase().replaceAll("-", "_");
  if (plain.startsWith("translation_")) return "text2text_generation";
  return TASKS.includes(plain) ? (plain as Task) : Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : undefined;
}

/**
 * The task that is wanted, else the one that the architecture in config.json says, with the README's `pipeline_tag` for what that
 * leaves open.
 * @throws ServeError INVALID_ARGUMENT
 */
export async function findTask(config: JsonObject, directory: string, wanted: string | undefined): Promise<Task> {
  if (wanted !== undefined) {
    const task = canonical(wanted);
    if (task !== undefined) return task;
    const [close] = closestNames(wanted.replaceAll("-", "_"), [...TASKS, ...Object.keys(ALIASES)]);
    const hint = close === undefined ? "" : `did you mean ${close}? `;
    throw new ServeError("INVALID_ARGUMENT", `task '${wanted}' is unknown; ${hint}expected one of ${TASKS.join(", ")}`);
  }
  const tag = await pipelineTag(directory);
  const tagged = tag === undefined ? undefined : canonical(tag);
  const [first] = Array.isArray(config.architectures) ? config.architectures : [];
  const architecture = typeof first === "string" ? first : "";
  const task = DUAL_ENCODERS.includes(architecture)
    ? "zero_shot_image_classification"
    : ARCHITECTURES.find(([ending]) => architecture.endsWith(ending))?.[1];
  // A classifier of entailment serves as a zero-shot classifier; only its card says that it is meant so.
  if (tagged !== undefined && (task === undefined || (task === "sequence_classification" && tagged === "zero_shot_classification")))
    return tagged;
  if (task !== undefined) return task;
  if (architecture.endsWith("Model")) return "text_embedding";
  const what = architecture === "" ? "config.json, which names no architecture" : `the architecture ${architecture}`;
  throw new ServeError("INVALID_ARGUMENT", `the task cannot be told from ${what}: set it with --task, to one of ${TASKS.join(", ")}`);
}

/** `pipeline_tag` of the front matter of README.md, where there is one. */
async function pipelineTag(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, "README.md"), "utf8").catch(() => "");
  const front = /^---\s*\n([\s\S]*?)\n---/.exec(text.slice(0, FRONT_MATTER_BYTES))?.[1] ?? "";
  return /^pipeline_tag:\s*["']?([\w-]+)/m.exec(front)?.[1];
}
