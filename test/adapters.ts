import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const EXAMPLES = fileURLToPath(new URL("../examples/", import.meta.url));

/** A request below a model's path, and its answer. */
export interface Exchange {
  readonly path: string;
  readonly body: unknown;
  readonly status?: number;
  readonly answer: unknown;
}

/** An example in the interface of another server. */
export interface AdapterExample {
  /** Of the folder in examples/. */
  readonly folder: string;
  /** Of the InferenceService in its service.yaml. */
  readonly model: string;
  /** The package that it imports, which is also its platform. */
  readonly package: string;
  readonly exchanges: readonly Exchange[];
}

async function requestOf(folder: string): Promise<unknown> {
  return JSON.parse(await readFile(`${EXAMPLES}${folder}/request.json`, "utf8"));
}

const tensor = (name: string, datatype: string, shape: readonly number[], data: readonly unknown[]) => ({ name, shape, datatype, data });

/** With what each of them answers; both with the real package and with ours. */
export async function adapterExamples(): Promise<readonly AdapterExample[]> {
  return [
    {
      folder: "kserve-model",
      model: "flowers",
      package: "kserve",
      exchanges: [
        {
          path: "v1/models/flowers:predict",
          body: await requestOf("kserve-model"),
          answer: {
            predictions: [
              [4, 6],
              [11, 14],
            ],
          },
        },
        {
          path: "v1/models/flowers:explain",
          body: { instances: [[1, 2]] },
          answer: {
            explanations: [
              [
                [2, -2],
                [2, 8],
              ],
            ],
          },
        },
        {
          path: "v2/models/flowers/infer",
          body: { inputs: [tensor("x", "FP64", [1, 2], [1, 2])] },
          answer: { outputs: [tensor("scores", "FP64", [1, 2], [4, 6])] },
        },
        {
          path: "v1/models/flowers:predict",
          body: { instances: [[1]] },
          status: 400,
          answer: { error: "expected rows of two numbers, got the shape [1, 1]" },
        },
      ],
    },
    {
      folder: "mlserver",
      model: "keywords",
      package: "mlserver",
      exchanges: [
        {
          path: "v2/models/keywords/infer",
          body: await requestOf("mlserver"),
          answer: { outputs: [tensor("keyword", "BYTES", [2, 1], ["cat", "none"]), tensor("count", "INT64", [2, 1], [2, 0])] },
        },
        {
          path: "v2/models/keywords/infer",
          body: { inputs: [tensor("texts", "FP64", [1], [1])] },
          status: 400,
          answer: { error: "texts, please" },
        },
      ],
    },
    {
      folder: "litserve",
      model: "powers",
      package: "litserve",
      exchanges: [
        { path: "v1/models/powers:predict", body: await requestOf("litserve"), answer: { predictions: [{ output: 80 }, { output: 36 }] } },
        {
          path: "v2/models/powers/infer",
          body: { inputs: [tensor("input", "FP64", [2], [2, 3])] },
          answer: { outputs: [tensor("output", "FP64", [2], [12, 36])] },
        },
      ],
    },
    {
      folder: "bentoml",
      model: "summaries",
      package: "bentoml",
      exchanges: [
        {
          path: "v2/models/summaries/infer",
          body: await requestOf("bentoml"),
          answer: { outputs: [tensor("output-0", "BYTES", [2], ["Breaking news:", "Nothing"])] },
        },
        {
          path: "v2/models/summaries/methods/score/infer",
          body: { inputs: [tensor("rows", "FP32", [2, 2], [1, 2, 3, 4])] },
          answer: { outputs: [tensor("output-0", "FP32", [2], [21, 43])] },
        },
        {
          path: "v1/models/summaries:summarize",
          body: { instances: [{ text: "a b", words: 0 }] },
          status: 400,
          answer: { error: "a summary has at least one word" },
        },
      ],
    },
  ];
}
