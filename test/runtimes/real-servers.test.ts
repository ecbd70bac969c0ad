import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ask as askMachine,
  findProgram,
  installMachine,
  installProgram,
  programsDirectory,
  serverProgram,
} from "../../src/runtimes/index.ts";
import { nitrous } from "../cli-process.ts";
import { CACHE_DIRECTORY, type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, serviceAt } from "../service-process.ts";

/** Installs a server as `nitrous runtimes install` does; the reason when that cannot be here. */
async function obstacleTo(name: string): Promise<string | undefined> {
  const program = serverProgram(name);
  const missing = await program.missing?.(askMachine);
  if (missing !== undefined) return missing;
  const signal = AbortSignal.timeout(9 * 60_000);
  const options = { cacheDirectory: CACHE_DIRECTORY, machine: await installMachine(), onProgress: () => undefined, signal };
  return await installProgram(program, options).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

const obstacles = { triton: await obstacleTo("triton"), torchserve: await obstacleTo("torchserve") };
for (const [name, obstacle] of Object.entries(obstacles))
  if (obstacle !== undefined) process.stderr.write(`tests of ${name} are skipped: ${obstacle}\n`);

let folder: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-servers-"));
  server = await startServer([]);
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** The program of its runtime serves it, and not this server in its place. */
const AS_PROCESS = "nitrous/run-as: process";

function service(name: string, format: string, runtime: string | undefined, uri: string, annotation?: string): string {
  return [
    "apiVersion: serving.kserve.io/v1beta1",
    "kind: InferenceService",
    `metadata: { name: ${name}${annotation === undefined ? "" : `, annotations: { ${annotation} }`} }`,
    "spec:",
    "  predictor:",
    "    model:",
    `      modelFormat: { name: ${format} }`,
    ...(runtime === undefined ? [] : [`      runtime: ${runtime}`]),
    `      storageUri: file://${uri}`,
    "",
  ].join("\n");
}

const ADDS = `
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            left, right = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("LEFT", "RIGHT")]
            responses.append(pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("SUM", left + right)]))
        return responses
`;
const CONFIGURATION = `
backend: "python"
max_batch_size: 8
input [ { name: "LEFT", data_type: TYPE_FP32, dims: [ 2 ] }, { name: "RIGHT", data_type: TYPE_FP32, dims: [ 2 ] } ]
output [ { name: "SUM", data_type: TYPE_FP32, dims: [ 2 ] } ]
`;
const INPUTS = [
  { name: "LEFT", datatype: "FP32", shape: [1, 2], data: [1, 2] },
  { name: "RIGHT", datatype: "FP32", shape: [1, 2], data: [10, 20] },
];

const HEAD = "import numpy as np\nimport triton_python_backend_utils as pb_utils\n\n";
/** Models of Triton's Python backend: one for each way to answer. */
const REPOSITORY = {
  adder: { configuration: CONFIGURATION, code: ADDS },
  counter: {
    configuration: `
backend: "python"
model_transaction_policy { decoupled: true }
input [ { name: "N", data_type: TYPE_INT32, dims: [ 1 ] } ]
output [ { name: "I", data_type: TYPE_INT32, dims: [ 1 ] } ]
`,
    code: `${HEAD}
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            for number in range(int(pb_utils.get_input_tensor_by_name(request, "N").as_numpy()[0])):
                tensor = pb_utils.Tensor("I", np.array([number], dtype=np.int32))
                sender.send(pb_utils.InferenceResponse(output_tensors=[tensor]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None
`,
  },
  sums: {
    configuration: `
backend: "python"
max_batch_size: 4
input [ { name: "IN", data_type: TYPE_INT32, dims: [ 1 ] } ]
output [ { name: "OUT", data_type: TYPE_INT32, dims: [ 1 ] } ]
sequence_batching {
  control_input [ { name: "START", control [ { kind: CONTROL_SEQUENCE_START, int32_false_true: [ 0, 1 ] } ] } ]
}
`,
    code: `${HEAD}
class TritonPythonModel:
    def initialize(self, args):
        self.sum = 0

    def execute(self, requests):
        responses = []
        for request in requests:
            value, start = [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("IN", "START")]
            self.sum = int(value[0][0]) + (0 if start[0][0] else self.sum)
            tensor = pb_utils.Tensor("OUT", np.array([[self.sum]], dtype=np.int32))
            responses.append(pb_utils.InferenceResponse(output_tensors=[tensor]))
        return responses
`,
  },
};

describe.skipIf(obstacles.triton !== undefined)(`Triton${obstacles.triton === undefined ? "" : ` (${obstacles.triton})`}`, () => {
  it("serves a repository of the format triton, found by that format", async () => {
    await write("repository/adder/config.pbtxt", CONFIGURATION);
    await write("repository/adder/1/model.py", ADDS);
    await applyReady(
      server.url,
      [await write("adder.yaml", service("sums", "triton", undefined, join(folder, "repository"), AS_PROCESS))],
      120,
    );
    const { status, body } = await ask(server.url, "/v2/models/sums/infer", { inputs: INPUTS });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({ outputs: [{ name: "SUM", datatype: "FP32", shape: [1, 2], data: [11, 22] }] });
    const described = await ask(server.url, "/v2/models/sums");
    expect(described.body).toMatchObject({ inputs: [{ name: "LEFT" }, { name: "RIGHT" }], outputs: [{ name: "SUM" }] });
  });

  it("serves one model that names it, and says why another does not load", async () => {
    await write("model/config.pbtxt", CONFIGURATION);
    await write("model/1/model.py", ADDS);
    await applyReady(server.url, [await write("one.yaml", service("one", "triton", "triton", join(folder, "model"), AS_PROCESS))], 120);
    const { body } = await ask(server.url, "/v2/models/one/infer", { inputs: INPUTS });
    expect(body).toMatchObject({ outputs: [{ data: [11, 22] }] });
    await write("bad/config.pbtxt", CONFIGURATION);
    await write("bad/1/model.py", "raise RuntimeError('no good')\n");
    const bad = applyReady(server.url, [await write("bad.yaml", service("bad", "triton", "triton", join(folder, "bad"), AS_PROCESS))], 120);
    await expect(bad).rejects.toThrow(/no good|failed to load/);
  });

  it.each(["always-for=python", "auto"])("answers the same for a repository with --triton-server %s", async (rule) => {
    for (const [model, { configuration, code }] of Object.entries(REPOSITORY)) {
      await write(`served/${model}/config.pbtxt`, configuration);
      await write(`served/${model}/1/model.py`, code);
    }
    await write("served/net/config.pbtxt", 'backend: "tensorrt"');
    await write("served/net/1/model.plan", "");
    const repository = await startServer([join(folder, "served")], ["--triton-server", rule]);
    try {
      const { url } = repository;
      await expect.poll(async () => (await ask(url, "/v2/models/counter/ready")).status, { timeout: 120_000, interval: 250 }).toBe(200);
      await expect.poll(async () => (await ask(url, "/v2/models/adder/ready")).status, { timeout: 120_000, interval: 250 }).toBe(200);
      await expect.poll(async () => (await ask(url, "/v2/models/sums/ready")).status, { timeout: 120_000, interval: 250 }).toBe(200);
      const index = await ask(url, "/v2/repository/index", {});
      expect(JSON.stringify(index.body)).toContain("no backend 'tensorrt' of its own");
      expect((await ask(url, "/v2/models/adder/infer", { inputs: INPUTS })).body).toMatchObject({ outputs: [{ data: [11, 22] }] });
      const counted = await fetch(`${url}/v2/models/counter/generate_stream`, { method: "POST", body: '{"N": 3}' });
      const numbers = [...(await counted.text()).matchAll(/"I":(\d+)/g)].map(([, number]) => Number(number));
      expect(numbers).toEqual([0, 1, 2]);
      const step = async (value: number, flags: object): Promise<unknown> => {
        const inputs = [{ name: "IN", datatype: "INT32", shape: [1, 1], data: [value] }];
        return (await ask(url, "/v2/models/sums/infer", { parameters: { sequence_id: 7, ...flags }, inputs })).body;
      };
      expect(await step(1, { sequence_start: true })).toMatchObject({ outputs: [{ data: [1] }] });
      expect(await step(2, {})).toMatchObject({ outputs: [{ data: [3] }] });
      expect(await step(3, { sequence_end: true })).toMatchObject({ outputs: [{ data: [6] }] });
      expect(await step(3, {})).toMatchObject({ error: expect.stringContaining("must specify the START flag") });
      const configuration = await ask(url, "/v2/models/sums/config");
      expect(configuration.body).toMatchObject({
        name: "sums",
        backend: "python",
        max_batch_size: 4,
        sequence_batching: { control_input: [{ name: "START" }] },
      });
    } finally {
      await repository.stop();
    }
  });

  it("holds several models that are loaded and asked over gRPC, and takes another one in the place of a named one", async () => {
    const runtime = `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: triton-for-all
  annotations: { nitrous/program: triton }
spec:
  multiModel: true
  supportedModelFormats: [{ name: triton }]
  protocolVersions: [grpc-v2]
  grpcDataEndpoint: port:9000
  containers:
    - name: kserve-container
      command: [tritonserver]
      args: [--model-store=/mnt/models, --model-control-mode=explicit, --http-port=8080, --grpc-port=9000, --metrics-port=8002]
      ports: [{ containerPort: 9000, name: h2c }]
      readinessProbe:
        grpc: { port: 9000 }
        periodSeconds: 1
        failureThreshold: 60
`;
    const overGrpc = (name: string, model: string): string =>
      service(name, "triton", "triton-for-all", join(folder, model)).replace("storageUri", "protocolVersion: grpc-v2\n      storageUri");
    const named = (model: string): string => `name: "${model}"\n${CONFIGURATION}`;
    for (const [model, operator] of Object.entries({ plus: "+", minus: "-" })) {
      await write(`${model}/config.pbtxt`, named(model));
      await write(`${model}/1/model.py`, ADDS.replace("left + right", `left ${operator} right`));
    }
    await write("again/config.pbtxt", named("plus"));
    await write("again/1/model.py", ADDS.replace("left + right", "left * right"));
    const files = [
      await write("all.yaml", runtime),
      await write("plus.yaml", overGrpc("plus", "plus")),
      await write("minus.yaml", overGrpc("minus", "minus")),
    ];
    await applyReady(server.url, files, 120);
    const sum = async (name: string): Promise<unknown> => (await ask(server.url, `/v2/models/${name}/infer`, { inputs: INPUTS })).body;
    expect(await sum("plus")).toMatchObject({ outputs: [{ data: [11, 22] }] });
    expect(await sum("minus")).toMatchObject({ outputs: [{ data: [-9, -18] }] });
    await applyReady(server.url, [await write("again.yaml", overGrpc("plus", "again"))], 120);
    expect(await sum("plus")).toMatchObject({ outputs: [{ data: [10, 40] }] });
  });
});

/** Makes linear.mar of a handler, as TorchServe's own tool does. */
async function archive(handler: string, into: string): Promise<void> {
  const places = { directory: programsDirectory(CACHE_DIRECTORY), path: process.env.PATH ?? "", ask: askMachine };
  const found = await findProgram(serverProgram("torchserve"), places);
  const words = ["--model-name", "linear", "--version", "1.0", "--handler", handler, "--export-path", into];
  await promisify(execFile)(join(found?.file ?? "", "../torch-model-archiver"), words);
}

const HANDLER = `
import torch


class Handler:
    def initialize(self, context):
        self.weights = torch.tensor([[1.0], [2.0]])

    def handle(self, data, context):
        rows = torch.tensor(data, dtype=torch.float32)
        return (rows @ self.weights).squeeze(1).tolist()


_service = Handler()


def handle(data, context):
    if not hasattr(_service, "weights"):
        _service.initialize(context)
    return None if data is None else _service.handle(data, context)
`;

describe.skipIf(obstacles.torchserve !== undefined)(
  `TorchServe${obstacles.torchserve === undefined ? "" : ` (${obstacles.torchserve})`}`,
  () => {
    it("serves an archive under the service's name, over V1 and, converted, V2", async () => {
      const handler = await write("handler.py", HANDLER);
      await mkdir(join(folder, "archives"));
      await archive(handler, join(folder, "archives"));
      await applyReady(
        server.url,
        [await write("linear.yaml", service("sums-of-rows", "pytorch", "torchserve", join(folder, "archives")))],
        200,
      );
      const { status, body } = await ask(server.url, "/v1/models/sums-of-rows:predict", {
        instances: [
          [1, 1],
          [0, 3],
        ],
      });
      expect(status, JSON.stringify(body)).toBe(200);
      expect(body).toEqual({ predictions: [3, 6] });
      const inputs = [{ name: "rows", datatype: "FP32", shape: [2, 2], data: [1, 1, 0, 3] }];
      expect((await ask(server.url, "/v2/models/sums-of-rows/infer", { inputs })).body).toMatchObject({ outputs: [{ data: [3, 6] }] });
    });

    it("is not ready while its worker dies of the model", async () => {
      const handler = await write("bad-handler.py", "raise RuntimeError('no good')\n");
      await mkdir(join(folder, "bad-archives"));
      await archive(handler, join(folder, "bad-archives"));
      const yaml = await write("bad-linear.yaml", service("bad-linear", "pytorch", "torchserve", join(folder, "bad-archives")));
      await nitrous(["apply", "--server", server.url, "-f", yaml]);
      const describe = async (): Promise<string> => (await nitrous(["describe", "--server", server.url, "bad-linear"])).stdout;
      await expect.poll(describe, { timeout: 300_000, interval: 1_000 }).toContain("its worker answers: Worker died.");
      expect((await serviceAt(server.url, "bad-linear"))?.status?.modelStatus.transitionStatus).toBe("InProgress");
      await nitrous(["delete", "--server", server.url, "bad-linear"]);
      // It starts its worker again and again before it says so.
    }, 360_000);
  },
);
