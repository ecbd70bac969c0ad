import { open, readFile, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { ModelFormat } from "../core/formats.ts";

/** Extensions whose format is certain without a look inside. */
const BY_EXTENSION: Readonly<Record<string, ModelFormat>> = {
  ".joblib": "sklearn",
  ".pkl": "sklearn",
  ".pickle": "sklearn",
  ".skops": "sklearn",
  ".ubj": "xgboost",
  ".cbm": "catboost",
  ".pmml": "pmml",
  ".keras": "keras",
  ".h5": "keras",
  ".pt": "pytorch",
  ".pth": "pytorch",
  ".pt2": "pytorch",
  ".mar": "mar",
  ".onnx": "onnx",
};

/** Extensions that need a look inside: other things have them too. */
const AMBIGUOUS = new Set([".json", ".txt", ".bst", ".model"]);

/** Code is only a model under this name: other scripts are its helpers. */
const BY_NAME: Readonly<Record<string, ModelFormat>> = {
  "model.py": "python",
  "model.ts": "typescript",
  "model.js": "typescript",
  "model.mjs": "typescript",
};

/** A folder with this file is an entry of a Triton model repository. */
export const TRITON_CONFIGURATION = "config.pbtxt";

/** What other servers know and this version does not. */
const LATER: Readonly<Record<string, string>> = {
  ".gguf": "GGUF models",
  ".yaml": "KServe resources",
  ".yml": "KServe resources",
};

/** Files that are a model only together with others. */
const PARTS: Readonly<Record<string, string>> = {
  ".pb": "a SavedModel",
  ".safetensors": "a Hugging Face model",
};

const ACCOMPANYING =
  /^(\..*|readme.*|license.*|requirements\.txt|example\.json|model-settings\.json|__pycache__|.*\.md|.*\.pyc|package(-lock)?\.json|tsconfig\.json)$/i;

/** An object whose keys are "learner" and "version", in either order. */
const XGBOOST_JSON = /^\s*\{\s*(?:"version"\s*:\s*\[[\d\s,]*\]\s*,\s*)?"learner"\s*:\s*\{/;
/** CatBoost's own JSON: an object whose first key is one of its parts. */
const CATBOOST_JSON = /^\s*\{\s*"(?:features_info|model_info|oblivious_trees|scale_and_bias|trees)"\s*:/;
/** XGBoost's object in UBJSON, where a key is an integer's marker, a length and the text. */
const XGBOOST_UBJSON = /^\{[iUIlL][\s\S]{1,8}(?:learner\{|version\[)/;

/** The class that Triton's Python backend looks for. */
const TRITON_PYTHON = /^class\s+TritonPythonModel\b/m;
/** A larger model.py is not looked into. */
const MOST_CODE_BYTES = 1 << 20;

/** Bytes at the beginning of a file that are enough to tell its format. */
const PEEK_BYTES = 4096;

/** Files that go with models and are never one. */
export function isAccompanying(path: string): boolean {
  return ACCOMPANYING.test(basename(path));
}

/** The format of a file, or undefined when it is no model that this version serves. */
export async function formatOf(file: string): Promise<ModelFormat | undefined> {
  if (isAccompanying(file)) return undefined;
  const byName = BY_NAME[basename(file)];
  if (byName !== undefined) return byName === "python" && (await isTritonPython(file)) ? "triton-python" : byName;
  const extension = extname(file).toLowerCase();
  if (!AMBIGUOUS.has(extension)) return BY_EXTENSION[extension];
  return formatOfContents(await peek(file));
}

/**
 * XGBoost and LightGBM share extensions and tell themselves apart by their first bytes: LightGBM's text begins with "tree",
 * XGBoost's JSON and UBJSON are an object with a "learner", its old binary form begins with "binf".
 */
function formatOfContents(bytes: Buffer): ModelFormat | undefined {
  const text = bytes.toString("latin1");
  if (text.startsWith("tree\n") || text.startsWith("tree\r\n")) return "lightgbm";
  if (text.startsWith("binf")) return "xgboost";
  if (CATBOOST_JSON.test(text)) return "catboost";
  if (XGBOOST_JSON.test(text) || XGBOOST_UBJSON.test(text)) return "xgboost";
  return undefined;
}

/** Whether a model.py is for Triton's Python backend. */
async function isTritonPython(file: string): Promise<boolean> {
  if ((await stat(file)).size > MOST_CODE_BYTES) return false;
  return TRITON_PYTHON.test(await readFile(file, "utf8"));
}

async function peek(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PEEK_BYTES), 0, PEEK_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Extensions that files of a format have, the usual one first; none for formats that are folders. Custom code goes by its file's whole name. */
export const EXTENSIONS: Readonly<Record<ModelFormat, readonly string[]>> = {
  sklearn: [".joblib", ".pkl", ".pickle", ".skops"],
  xgboost: [".ubj", ".json", ".bst", ".model"],
  lightgbm: [".txt", ".bst", ".model"],
  catboost: [".cbm", ".json"],
  pmml: [".pmml"],
  tensorflow: [],
  keras: [".keras", ".h5"],
  pytorch: [".pt", ".pth", ".pt2"],
  mar: [".mar"],
  huggingface: [],
  "huggingface-onnx": [],
  mlflow: [],
  onnx: [".onnx"],
  python: ["model.py"],
  typescript: ["model.ts", "model.js", "model.mjs"],
  "triton-python": ["model.py"],
  ensemble: [],
  upstream: [],
};

/** Whether a file can be of a format by its name alone. */
export function isNamedLike(format: ModelFormat, file: string): boolean {
  return EXTENSIONS[format].some((ending) => (ending.startsWith(".") ? extname(file).toLowerCase() === ending : basename(file) === ending));
}

/** Why a file is not served. */
export function reasonAgainst(file: string): string {
  const later = LATER[extname(file).toLowerCase()];
  if (extname(file) === ".pbtxt")
    return `a Triton model configuration: it belongs into the folder of its model, as ${TRITON_CONFIGURATION} beside the folders of its versions`;
  if (later !== undefined) return `${later} are not served by this version`;
  const inFolder = PARTS[extname(file).toLowerCase()];
  if (inFolder !== undefined) return `a part of ${inFolder}: name the folder that holds all of it`;
  const endings = Object.keys(BY_EXTENSION).join(", ");
  return `not a model: expected ${endings}, XGBoost's .json or .bst, CatBoost's .json, LightGBM's .txt or .bst, model.py or model.ts`;
}
