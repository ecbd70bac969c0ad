import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelFormat } from "../core/formats.ts";

/** Largest config.json of a Hugging Face folder that is looked into. */
const CONFIGURATION_BYTES = 1 << 20;

/** What makes a folder a model by itself, for messages. */
export const FOLDER_MARKS: Readonly<Partial<Record<ModelFormat, string>>> = {
  tensorflow: "saved_model.pb",
  huggingface: "config.json and the weights of a Hugging Face model",
  "huggingface-onnx": "config.json and an ONNX export of a Hugging Face model",
  mlflow: "MLmodel",
  mar: "MAR-INF/MANIFEST.json, or model-store/ with .mar archives",
};

/** The format of a folder that is a model by itself, or undefined. */
export async function formatOfFolder(folder: string): Promise<ModelFormat | undefined> {
  const names = new Set(await readdir(folder).catch(() => []));
  if (names.has("MLmodel")) return "mlflow";
  if (names.has("saved_model.pb") || names.has("saved_model.pbtxt")) return "tensorflow";
  if (names.has("MAR-INF")) return "mar";
  if (names.has("model-store") && (await namesIn(folder, "model-store")).some((name) => name.endsWith(".mar"))) return "mar";
  if (names.has("config.json") && (await isHuggingFace(join(folder, "config.json")))) {
    const exports = [...names, ...(names.has("onnx") ? await namesIn(folder, "onnx") : [])];
    return exports.some((name) => name.endsWith(".onnx")) ? "huggingface-onnx" : "huggingface";
  }
  return undefined;
}

async function namesIn(folder: string, name: string): Promise<string[]> {
  return await readdir(join(folder, name)).catch(() => []);
}

/** XGBoost's models and settings of other programs are called config.json too. */
async function isHuggingFace(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > CONFIGURATION_BYTES) return false;
  try {
    const configuration: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof configuration !== "object" || configuration === null) return false;
    return "model_type" in configuration || "architectures" in configuration;
  } catch {
    return false;
  }
}
