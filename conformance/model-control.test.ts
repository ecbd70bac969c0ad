import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { run } from "../src/environments/run.ts";
import { onnxGraph } from "../test/onnx-graph.ts";
import { pythonWith } from "../test/python-environment.ts";
import { startServer, untilLoaded } from "../test/server-process.ts";

const place = fileURLToPath(new URL("./clients/", import.meta.url));

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const TENSORS = `
  input { name: "x" data_type: TYPE_FP32 dims: 2 }
  output { name: "y" data_type: TYPE_FP32 dims: 2 }
`;

/** One model after another, each of which has one input and one output. */
function ensembleOf(...models: readonly string[]): string {
  const steps = models.map((model, index) => {
    const [from, to] = [index === 0 ? "x" : `t${index}`, index === models.length - 1 ? "y" : `t${index + 1}`];
    return `step { model_name: "${model}" model_version: -1 input_map { key: "x" value: "${from}" } output_map { key: "y" value: "${to}" } }`;
  });
  return `platform: "ensemble" max_batch_size: 4 ${TENSORS} ensemble_scheduling { ${steps.join(" ")} }`;
}

function graphOf(operator: string): Buffer {
  const value = { type: "FLOAT", shape: ["n", 2] } as const;
  return onnxGraph({
    nodes: [{ operator, inputs: ["x"], outputs: ["y"] }],
    inputs: [{ name: "x", ...value }],
    outputs: [{ name: "y", ...value }],
  });
}

function makeRepository(): string {
  const root = mkdtempSync(join(tmpdir(), "nitrous-model-control-"));
  const files: Readonly<Record<string, string | Buffer>> = {
    "relu/config.pbtxt": `backend: "onnxruntime" max_batch_size: 4 ${TENSORS}`,
    "relu/1/model.onnx": graphOf("Relu"),
    "negate/config.pbtxt": `backend: "onnxruntime" max_batch_size: 4 ${TENSORS}`,
    "negate/1/model.onnx": graphOf("Neg"),
    "pipeline/config.pbtxt": ensembleOf("negate", "relu"),
    "pipeline/1/.keep": "",
    "idle/config.pbtxt": ensembleOf("relu", "nowhere"),
    "idle/1/.keep": "",
    "broken/config.pbtxt": "nothing: 1",
    "broken/1/model.onnx": graphOf("Relu"),
  };
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), contents);
  }
  return root;
}

const checks = await runScript();

describe("tritonclient's model control", () => {
  for (const { name, ok, detail } of checks) it(name, () => expect(ok, detail).toBe(true));
  it("ran all of its checks", () => expect(checks.length).toBeGreaterThanOrEqual(12));
});

async function runScript(): Promise<readonly Check[]> {
  const python = await pythonWith(await readFile(`${place}requirements.txt`, "utf8"));
  const repository = makeRepository();
  const flags = ["--model-control-mode", "explicit", "--load-model", "negate", "--grpc-port", "off"];
  const server = await startServer([], ["--model-repository", repository, ...flags]);
  try {
    await untilLoaded(server);
    const output = await run([python, `${place}triton_model_control.py`, new URL(server.url).host, repository]);
    return output.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Check]));
  } finally {
    await server.stop();
    rmSync(repository, { recursive: true });
  }
}
