import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

/** Doubles its tokens, and says of each row the mean of the real ones, how many rows came together, and how long they were then. */
const PYTHON = `
import time
import numpy as np


class Model:
    inputs = {"tokens": "INT64[-1,-1]"}
    outputs = {"doubled": "INT64[-1,-1]", "mean": "FP64[-1]", "together": "INT64[-1,2]"}
    batchable = True
    padding = {"tokens": np.int64(-1000)}
    unpad = {"doubled": "tokens"}
    cost = "tokens"
    example = {"tokens": [[1, 2, 3]]}

    def predict(self, tokens, *, lengths):
        time.sleep(0.05)
        real = np.arange(tokens.shape[1]) < lengths["tokens"][:, None]
        assert (tokens[~real] == -1000).all() and (tokens[real] != -1000).all()
        return {
            "doubled": tokens * 2,
            "mean": (tokens * real).sum(1) / real.sum(1),
            "together": np.tile(tokens.shape, (len(tokens), 1)),
        }
`;

const JAVASCRIPT = `
export class Model {
  static inputs = { tokens: "INT32[-1,-1]" };
  static outputs = { doubled: "INT32[-1,-1]", mean: "FP64[-1]", together: "INT32[-1,2]" };
  static batchable = true;
  static padding = { tokens: -1000 };
  static unpad = { doubled: "tokens" };
  static cost = "tokens";
  static example = { inputs: [{ name: "tokens", datatype: "INT32", shape: [1, 3], data: [1, 2, 3] }] };

  async predict({ tokens }, { lengths }) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [rows, width] = tokens.shape;
    const mean = lengths.tokens.map((length, row) => {
      const own = tokens.data.slice(row * width, row * width + length);
      if (tokens.data.slice(row * width + length, (row + 1) * width).some((value) => value !== -1000)) throw new Error("no padding");
      return own.reduce((sum, value) => sum + value, 0) / length;
    });
    return {
      doubled: { datatype: "INT32", shape: tokens.shape, data: tokens.data.map((value) => value * 2) },
      mean: Float64Array.from(mean),
      together: { datatype: "INT32", shape: [rows, 2], data: Int32Array.from({ length: rows * 2 }, (_, index) => tokens.shape[index % 2]) },
    };
  }
}
`;

const TEXTS = `
import numpy as np


class Model:
    inputs = {"words": "BYTES[-1,-1]", "boxes": "FP32[-1,-1,-1,2]"}
    batchable = True
    padding = {"words": "-", "boxes": 0.5}
    example = {"inputs": [{"name": "words", "datatype": "BYTES", "shape": [1, 1], "data": ["a"]},
                          {"name": "boxes", "datatype": "FP32", "shape": [1, 1, 1, 2], "data": [1, 2]}]}

    def predict(self, words, boxes, *, lengths):
        return {"lengths": np.column_stack([lengths["words"], lengths["boxes"]]), "text": np.array(["".join(row) for row in words], object)}
`;

const WRONG: Readonly<Record<string, readonly [string, string, string]>> = {
  unknown: ["model.py", 'padding = {"tokes": 0}', "padding names the input 'tokes'; the model declares 'tokens'. Did you mean 'tokens'?"],
  datatype: ["model.py", 'padding = {"tokens": 0.5}', "padding of input 'tokens' is 0.5, and the input is INT64"],
  infinite: ["model.py", 'padding = {"tokens": float("nan")}', "padding: expected data"],
  function: ["model.py", "def cost(self, tokens): return 1", "cost: expected data"],
  functions: ["model.mjs", "static cost({ tokens }) { return 1; }", "'cost' is a function; padding, unpad and cost are data"],
  fixed: ["model.mjs", "static padding = { fixed: 0 };", "padding names the input 'fixed' [-1,4]"],
};

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-padding-"));
  const save = async (name: string, file: string, code: string): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, file), code);
  };
  await save("python", "model.py", PYTHON);
  await save("javascript", "model.mjs", JAVASCRIPT);
  await save("texts", "model.py", TEXTS);
  for (const name of ["python", "texts"]) await writeFile(join(folder, name, "requirements.txt"), "numpy\n");
  for (const [name, [file, declaration]] of Object.entries(WRONG)) {
    const code =
      file === "model.py"
        ? `class Model:\n    inputs = {"tokens": "INT64[-1,-1]"}\n    batchable = True\n    ${declaration}\n    def predict(self, tokens):\n        return tokens\n`
        : `export class Model { static inputs = { fixed: "FP32[-1,4]" }; static batchable = true; ${declaration} predict({ fixed }) { return { fixed }; } }`;
    await save(name, file, code);
  }
  server = await startServer([folder]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly outputs: ReadonlyArray<{ readonly name: string; readonly shape: readonly number[]; readonly data: readonly number[] }>;
}

async function infer(model: string, inputs: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body: JSON.stringify({ inputs }) });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Answer;
}

describe.each([
  ["python", "INT64"],
  ["javascript", "INT32"],
])("a %s model with padding", (model, datatype) => {
  it("answers requests of different lengths in one call, each as if it were alone", async () => {
    const requests = Array.from({ length: 24 }, (_, seed) => Array.from({ length: 9 + (seed % 4) }, (_, index) => 100 * seed + index));
    const answers = await Promise.all(requests.map((data) => infer(model, [{ name: "tokens", datatype, shape: [1, data.length], data }])));
    answers.forEach(({ outputs }, index) => {
      const data = requests[index] as number[];
      const [doubled, mean] = outputs;
      expect(doubled).toMatchObject({ shape: [1, data.length], data: data.map((value) => value * 2) });
      expect(mean?.data[0]).toBeCloseTo(data.reduce((sum, value) => sum + value, 0) / data.length);
    });
    const together = answers.map(({ outputs }) => outputs[2]?.data[0] ?? 0);
    expect(Math.max(...together)).toBeGreaterThan(3);
  });

  it("does not let a long request blow up a batch of short ones", async () => {
    const lengths = [4, 4, 4, 4000, 4, 4, 4, 4];
    const answers = await Promise.all(
      lengths.map((length) => infer(model, [{ name: "tokens", datatype, shape: [1, length], data: new Array(length).fill(1) }])),
    );
    const padded = answers.map(({ outputs }) => outputs[2]?.data[1]);
    expect(padded).toEqual(lengths);
  });
});

it("pads text and several dimensions, and tells the sizes of all", async () => {
  const [answer] = (
    await infer("texts", [
      { name: "words", datatype: "BYTES", shape: [2, 2], data: ["a", "b", "c", "d"] },
      { name: "boxes", datatype: "FP32", shape: [2, 1, 3, 2], data: new Array(12).fill(1) },
    ])
  ).outputs;
  expect(answer).toMatchObject({ name: "lengths", shape: [2, 3], data: [2, 1, 3, 2, 1, 3] });
});

it.each(Object.entries(WRONG))("refuses a declaration that cannot be: %s", async (model, [, , message]) => {
  const response = await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body: '{"inputs":[]}' });
  expect(await response.text()).toContain(message);
});
