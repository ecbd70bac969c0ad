import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createEnvironments } from "../src/environments/index.ts";
import { createRandom } from "../src/load/index.ts";
import { CACHE_DIRECTORY, EXAMPLES } from "../test/server-process.ts";
import { encodeModel, type Node, type Weights } from "./onnx-model.ts";

/** A model that a measurement serves, and the request that it is asked with. */
export interface BenchModel {
  readonly name: string;
  readonly directory: string;
  /** Of the Open Inference Protocol, with one row. */
  readonly body: string;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** Beside the results, because it can be made again. */
const FOLDER = here("./results/models");

/** A scikit-learn forest of 200 trees of depth 12 over 64 features, trained in the environment that nitrous then serves it from. */
export async function forest(): Promise<BenchModel> {
  const directory = join(FOLDER, "forest");
  if (!existsSync(join(directory, "model.pkl"))) {
    process.stderr.write("training the forest\n");
    const environments = createEnvironments({ directory: CACHE_DIRECTORY });
    // Any scikit-learn will do: that of an example is likely to be there already, and the pickle then asks for it again.
    const like = { format: "sklearn", file: join(EXAMPLES, "iris/2/model.joblib"), exact: false, trusted: false } as const;
    const { python } = await environments.ensure(like, (line) => process.stderr.write(`${line}\n`));
    await promisify(execFile)(python, [here("./train-forest.py"), directory]);
  }
  return { name: "forest", directory, body: readFileSync(join(directory, "example.json"), "utf8") };
}

const CHANNELS = [1, 32, 64, 128];
const SIDE = 28;
const CLASSES = 10;

/** An ONNX network of three convolutions over one image of 28 × 28, about eight million multiplications, with random weights. */
export function convolution(): BenchModel {
  const directory = join(FOLDER, "convolution");
  const random = createRandom(1);
  const weights: Weights[] = [];
  const nodes: Node[] = [];
  const weight = (name: string, ...shape: readonly number[]): string => {
    const size = shape.reduce((product, length) => product * length, 1);
    // Sums keep their size from layer to layer.
    const scale = Math.sqrt(6 / (size / (shape[0] as number)));
    weights.push({ name, shape, data: Float32Array.from({ length: size }, () => (2 * random() - 1) * scale) });
    return name;
  };
  let value = "image";
  for (let layer = 1; layer < CHANNELS.length; layer++) {
    const kernel = weight(`kernel${layer}`, CHANNELS[layer] as number, CHANNELS[layer - 1] as number, 3, 3);
    nodes.push({ type: "Conv", inputs: [value, kernel], outputs: [`convolved${layer}`], attributes: { pads: [1, 1, 1, 1] } });
    nodes.push({ type: "Relu", inputs: [`convolved${layer}`], outputs: [`positive${layer}`] });
    nodes.push({
      type: "MaxPool",
      inputs: [`positive${layer}`],
      outputs: [`pooled${layer}`],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    });
    value = `pooled${layer}`;
  }
  nodes.push({ type: "GlobalAveragePool", inputs: [value], outputs: ["averages"] });
  nodes.push({ type: "Flatten", inputs: ["averages"], outputs: ["features"], attributes: { axis: 1 } });
  const matrix = weight("classes", CHANNELS.at(-1) as number, CLASSES);
  nodes.push({ type: "MatMul", inputs: ["features", matrix], outputs: ["scores"] });
  mkdirSync(directory, { recursive: true });
  const model = encodeModel({
    nodes,
    weights,
    inputs: [{ name: "image", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: "scores", shape: ["batch", CLASSES] }],
  });
  writeFileSync(join(directory, "model.onnx"), model);
  const data = Array.from({ length: SIDE * SIDE }, () => Math.floor(random() * 10));
  const body = JSON.stringify({ inputs: [{ name: "image", datatype: "FP32", shape: [1, 1, SIDE, SIDE], data }] });
  return { name: "convolution", directory, body };
}

/**
 * A Python model that uses so many milliseconds of processor for each request, and that does not batch: its capacity is low, and the
 * load costs little beside it.
 */
export function burner(milliseconds: number): BenchModel {
  const name = `burn-${milliseconds}-ms`;
  const directory = join(FOLDER, name);
  mkdirSync(directory, { recursive: true });
  const source = `import time


class Model:
    inputs = {"x": "FP64[1]"}
    outputs = {"y": "FP64[1]"}
    example = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1.0]}]}

    def predict(self, x):
        end = time.thread_time() + ${milliseconds / 1000}
        while time.thread_time() < end:
            for _ in range(200):
                pass
        return {"y": x}
`;
  writeFileSync(join(directory, "model.py"), source);
  return { name, directory, body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] }) };
}

export function inferPath({ name }: BenchModel): string {
  return `/v2/models/${name}/infer`;
}
