import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { exportingPython } from "../../bench/sentence-model.ts";
import type { JsonObject, JsonValue, Parameters, Payload } from "../../src/core/inference.ts";
import { elementsOf, type Tensor } from "../../src/core/tensor.ts";
import { NodePackages } from "../../src/environments/index.ts";
import { run } from "../../src/environments/run.ts";
import { loadHuggingFace } from "../../src/hosts/node/huggingface/load.ts";
import { CACHE_DIRECTORY } from "../server-process.ts";
import { expectClose } from "./format-suite.ts";

const SCRIPT = fileURLToPath(new URL("./huggingface-hosts.py", import.meta.url));
const PYTHON_PACKAGE = fileURLToPath(new URL("../../python", import.meta.url));
/** Relative to the larger number, or to 1: sums in another order, and four digits that are rounded up or down. */
const TOLERANCE = 2e-4;
/** A pixel that is scaled is rounded up or down. */
const TOLERANCE_OF_SCALED = 2e-2;

type Case = readonly [model: string, method: string, rows: JsonValue[], parameters: JsonObject, settings: JsonObject];

const SENTENCE = "Sarah lives in London, and wörks at 東京 the Café ☃ déjà-vu xyzzyq bank's";
const CONTEXT = "My name is Sarah and I live in London, at the Café, near the bank. It is nice; isn't it?";
const LONG = Array.from({ length: 60 }, (_, index) => `word${index} and the London bank number ${index}, is near the café`).join(" ");
const PIXELS = Array.from({ length: 32 }, (_, row) => Array.from({ length: 32 }, (_, column) => [row * 8, column * 8, 100]));
const LARGE = Array.from({ length: 90 }, (_, row) => Array.from({ length: 70 }, (_, column) => [(row * 53) % 256, (column * 91) % 256, 9]));

const CASES: readonly Case[] = [
  ["classes", "predict", ["hello there world", "x"], {}, {}],
  ["classes", "predict", ["hello there world", "the bank"], {}, { return_probabilities: true }],
  ["classes", "predict", [{ text: "hello", text_pair: "there you are, Café 東京" }], {}, { return_raw_logits: true }],
  ["classes", "predict", [{ text: LONG, text_pair: `there ${LONG}` }], {}, { return_raw_logits: true }],
  ["classes", "predict", [LONG], {}, { return_raw_logits: true, max_length: "20" }],
  ["classes", "predict", ["Hello WORLD Été"], {}, { return_raw_logits: true, disable_lower_case: true }],
  ["classes", "pipeline", ["hello there world", "x"], {}, {}],
  ["classes", "pipeline", ["hello there world"], { top_k: 2, function_to_apply: "sigmoid" }, {}],
  [
    "entailment",
    "predict",
    [{ text: "one day", candidate_labels: ["travel", "the bank", "Paris"] }],
    {},
    { task: "zero-shot-classification" },
  ],
  ["entailment", "predict", ["one day"], { candidate_labels: "travel, Paris", multi_label: true }, { task: "zero-shot-classification" }],
  ["tokens", "predict", [SENTENCE, "Café"], {}, {}],
  ["tokens", "predict", [SENTENCE], {}, { return_offsets_mapping: true }],
  ["tokens", "predict", ["Sarah"], {}, { return_probabilities: true }],
  ["tokens", "pipeline", [SENTENCE], {}, {}],
  ["tokens", "pipeline", [SENTENCE], { aggregation_strategy: "simple" }, {}],
  ["byte-tokens", "predict", ["Sarah lives in Löndon"], {}, { return_offsets_mapping: true }],
  ["byte-tokens", "pipeline", ["Sarah lives in London, and works at the Café"], {}, {}],
  ["byte-tokens", "pipeline", ["Sarah lives in London, and works at the Café"], { aggregation_strategy: "simple" }, {}],
  ["answers", "predict", [{ question: "Where does Sarah live?", context: CONTEXT }], { top_k: 3 }, {}],
  ["answers", "predict", [{ question: "Where?", context: LONG }], { top_k: 2 }, {}],
  ["byte-answers", "predict", [{ question: "Where does Sarah live?", context: CONTEXT }], { top_k: 3 }, {}],
  ["token-masks", "predict", ["Paris is the [MASK] of France", "[MASK] and [MASK]"], {}, {}],
  ["token-masks", "pipeline", ["Paris is the [MASK] of France."], { top_k: 3 }, {}],
  ["token-masks", "pipeline", ["[MASK] and [MASK], he said"], { top_k: 2 }, {}],
  ["byte-token-masks", "pipeline", ["Paris is the <mask> of France."], { top_k: 3 }, {}],
  ["vectors", "predict", ["Hello World", LONG], {}, {}],
  ["vectors", "pipeline", ["Hello World"], {}, {}],
  ["image", "predict", [{ image: PIXELS }], {}, { return_raw_logits: true }],
  ["image", "predict", [{ image: LARGE }], {}, { return_raw_logits: true }],
  ["image", "pipeline", [{ image: PIXELS }], { top_k: 2 }, {}],
];

let folder: string;
let expected: readonly unknown[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-hosts-"));
  await writeFile(join(folder, "cases.json"), JSON.stringify(CASES));
  const python = await exportingPython(() => undefined);
  const packages = new NodePackages(join(CACHE_DIRECTORY, "packages"));
  process.env.NITROUS_PACKAGES = await packages.transformers(() => undefined, new AbortController().signal);
  const output = await run([python, SCRIPT, folder, join(folder, "cases.json")], { environment: { PYTHONPATH: PYTHON_PACKAGE } });
  expected = JSON.parse(output.trim().split("\n").at(-1) ?? "") as unknown[];
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(CASES.map((each, index) => [`${each[0]} ${each[1]} ${JSON.stringify({ ...each[3], ...each[4] })}`, index] as const))(
  "answers in the Node host as in the Python host: %s",
  async (_name, index) => {
    const [name, method, rows, parameters, settings] = CASES[index] as Case;
    const directory = join(folder, name);
    const place = { model: name, version: "1", format: "huggingface-onnx", file: directory, directory, example: null, threads: 1 } as const;
    const model = await loadHuggingFace({ ...place, trust: "none", code: false, settings }, () => undefined);
    const signal = new AbortController().signal;
    const call = { method, payload: { kind: "rows", rows }, outputs: undefined, parameters: parameters as Parameters, signal } as const;
    expectClose(
      plain(await model.run(call)),
      expected[index],
      JSON.stringify(rows) === JSON.stringify([{ image: LARGE }]) ? TOLERANCE_OF_SCALED : TOLERANCE,
    );
    await model.close();
    expect.hasAssertions();
  },
);

/** As the script writes answers. */
function plain(payload: Payload): unknown {
  if (payload.kind !== "tensors") return payload.kind === "json" ? payload.value : undefined;
  return Object.fromEntries(payload.tensors.map((tensor) => [tensor.name, nested(elements(tensor), tensor.shape)]));
}

function elements(tensor: Tensor): unknown[] {
  if (tensor.datatype === "BYTES") return tensor.data.map((element) => Buffer.from(element).toString());
  return Array.from(elementsOf(tensor) as Iterable<number | bigint>, Number);
}

function nested(values: readonly unknown[], [rows = 0, ...rest]: readonly number[]): unknown {
  if (rest.length === 0) return values;
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row) => nested(values.slice(row * size, (row + 1) * size), rest));
}
