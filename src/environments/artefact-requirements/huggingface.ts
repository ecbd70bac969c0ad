import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

/** Packages that transformers imports for some models only, by the `model_type` of config.json. */
const FOR_MODELS: Readonly<Record<string, readonly string[]>> = {
  mask2former: ["scipy"],
  maskformer: ["scipy"],
  oneformer: ["scipy"],
};

/** Files of tokenizers that were not converted, without a tokenizer.json beside them, and what reads each. */
const FOR_TOKENIZERS: ReadonlyArray<readonly [RegExp, readonly string[]]> = [
  [/^(spiece|tokenizer|sentencepiece.*|spm.*|source|target)\.(model|spm)$/, ["sentencepiece", "protobuf"]],
  [/\.tiktoken$/, ["tiktoken"]],
];

/**
 * What the folder of a Hugging Face model needs beside transformers: torchvision for processors of images, libraries of tokenizers
 * that have no tokenizer.json, and what single kinds of models import.
 */
export async function requirementsOfHuggingFace(folder: string): Promise<ArtefactRequirements> {
  const names: readonly string[] = await readdir(folder).catch(() => []);
  const found = new Set<string>();
  const config = await readObject(join(folder, "config.json"));
  for (const name of FOR_MODELS[String(config.model_type)] ?? []) found.add(name);
  if (config.use_timm_backbone === true || String(config.model_type).startsWith("timm")) found.add("timm");
  if (isObject(config.quantization_config)) found.add("accelerate");
  const preprocessor = await readObject(join(folder, "preprocessor_config.json"));
  const processor = await readObject(join(folder, "processor_config.json"));
  if ("image_processor_type" in preprocessor || "size" in preprocessor || isObject(processor.image_processor)) found.add("torchvision");
  if (!names.includes("tokenizer.json")) {
    for (const [pattern, packages] of FOR_TOKENIZERS) {
      if (names.some((name) => pattern.test(name))) for (const name of packages) found.add(name);
    }
  }
  return found.size === 0 ? {} : { requirements: [...found].sort().join("\n") };
}

/** Empty for what is missing or no object: the loader says what is wrong with it. */
async function readObject(file: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
