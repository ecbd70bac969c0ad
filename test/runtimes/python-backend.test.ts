import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RealTriton, startRealTriton } from "../real-triton.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const HEAD = "import asyncio\nimport json\nimport threading\nimport numpy as np\nimport triton_python_backend_utils as pb_utils\n\n";
const NUMBERS = `input [ { name: "A" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "B" data_type: TYPE_FP32 dims: [ -1 ] } ]
`;
const ASK = "pb_utils.InferenceRequest(model_name=name, requested_output_names=['B'], inputs=[request.inputs()[0]])";

/** By name: the configuration and the class. */
const MODELS: Readonly<Record<string, readonly [configuration: string, code: string]>> = {
  double: [
    NUMBERS,
    `class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.dtype = pb_utils.triton_string_to_numpy(pb_utils.get_output_config_by_name(config, "B")["data_type"])

    def execute(self, requests):
        answers = []
        for request in requests:
            array = pb_utils.get_input_tensor_by_name(request, "A").as_numpy()
            if array[0] < 0:
                answers.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("it is negative", pb_utils.TritonError.INVALID_ARG)))
            elif array[0] > 1000:
                raise ValueError("it is too large")
            else:
                answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("B", (array * 2).astype(self.dtype)), pb_utils.Tensor("MORE", array)]))
        return answers
`,
  ],
  texts: [
    `max_batch_size: 4
dynamic_batching { }
input [ { name: "A" data_type: TYPE_STRING dims: [ 2 ] } ]
output [ { name: "B" data_type: TYPE_STRING dims: [ 2 ] }, { name: "TOLD" data_type: TYPE_STRING dims: [ 1 ] } ]
`,
    `class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            texts = request.inputs()[0].as_numpy()
            shouted = np.array([[each.decode().upper() for each in row] for row in texts], dtype=object)
            told = json.dumps([request.request_id(), request.timeout(), json.loads(request.parameters()), sorted(request.requested_output_names()),
                type(texts[0, 0]).__name__, request.correlation_id(), request.flags()])
            tensors = [pb_utils.Tensor("B", shouted), pb_utils.Tensor("TOLD", np.array([[told]] * len(texts), dtype=object))]
            answers.append(pb_utils.InferenceResponse(tensors))
        return answers
`,
  ],
  completed: [
    "",
    `class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.add_input({"name": "A", "data_type": "TYPE_INT64", "dims": [-1]})
        config.add_output({"name": "B", "data_type": "TYPE_INT64", "dims": [1]})
        config.set_max_batch_size(3)
        return config

    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("B", r.inputs()[0].as_numpy().sum(axis=1, keepdims=True))]) for r in requests]
`,
  ],
  repeat: [
    `model_transaction_policy { decoupled: true }\n${NUMBERS}`,
    `class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender, array = request.get_response_sender(), request.inputs()[0].as_numpy().copy()

            def send(sender=sender, array=array):
                for each in array:
                    sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("B", np.array([each], np.float32))]))
                sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

            threading.Thread(target=send).start()
`,
  ],
  asks: [
    NUMBERS,
    `class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            name = "double" if len(request.inputs()[0].as_numpy()) < 4 else "nowhere"
            response = ${ASK}.exec()
            if response.has_error():
                answers.append(pb_utils.InferenceResponse(error=pb_utils.TritonError("asked in vain")))
            else:
                answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("B", pb_utils.get_output_tensor_by_name(response, "B").as_numpy() + 1)]))
        return answers
`,
  ],
  "asks-many": [
    NUMBERS,
    `class TritonPythonModel:
    async def execute(self, requests):
        answers = []
        for request in requests:
            name = "double"
            responses = await asyncio.gather(*[${ASK}.async_exec() for _ in range(5)])
            name = "repeat"
            streamed = [each for each in ${ASK}.exec(decoupled=True) if each.output_tensors()]
            total = sum(each.output_tensors()[0].as_numpy() for each in responses) + sum(each.output_tensors()[0].as_numpy()[0] for each in streamed)
            answers.append(pb_utils.InferenceResponse([pb_utils.Tensor("B", total)]))
        return answers
`,
  ],
};

let folder: string;
let real: RealTriton | undefined;
let ours: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-python-backend-"));
  for (const [name, [configuration, code]] of Object.entries(MODELS)) {
    await mkdir(join(folder, name, "1"), { recursive: true });
    await writeFile(join(folder, name, "1", "model.py"), HEAD + code);
    await writeFile(join(folder, name, "config.pbtxt"), `backend: "python"\n${configuration}`);
  }
  real = await startRealTriton(folder);
  if (real === undefined)
    process.stderr.write("the Python backend is not compared: there is no tritonserver; nitrous runtimes install triton\n");
  ours = await startServer([folder]);
  await untilLoaded(ours);
}, 180_000);
afterAll(async () => {
  await real?.stop();
  await ours?.stop();
  await rm(folder, { recursive: true, force: true });
});

const input = (datatype: string, shape: readonly number[], data: readonly unknown[]): object => ({ name: "A", datatype, shape, data });

async function post(url: string, path: string, body: object): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${url}/v2/models/${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text() };
}

/** Outputs in the order of their names; of an error, what the model has said. */
async function infer(url: string, model: string, body: object): Promise<unknown> {
  const { status, text } = await post(url, `${model}/infer`, body);
  const { outputs, error } = JSON.parse(text) as { outputs?: ReadonlyArray<{ name: string }>; error?: string };
  if (error !== undefined) return [status, error.replace(/\n[\s\S]*/, "").replace(/^.*, message: /, "")];
  return outputs?.map(({ name, ...rest }) => [name, rest]).sort();
}

const CASES: ReadonlyArray<readonly [string, string, object]> = [
  ["numbers, and no output that the configuration has not", "double", { inputs: [input("FP32", [3], [1, 2, 3])] }],
  ["an error of one request", "double", { inputs: [input("FP32", [1], [-1])] }],
  ["an exception", "double", { inputs: [input("FP32", [1], [2000])] }],
  ["texts, and what a request says of itself", "texts", { id: "7", inputs: [input("BYTES", [2, 2], ["a", "ä", "c", "d"])] }],
  [
    "parameters",
    "texts",
    {
      id: "8",
      parameters: { x: 1, y: "z", timeout: 5_000_000 },
      outputs: [{ name: "TOLD" }],
      inputs: [input("BYTES", [1, 2], ["a", "b"])],
    },
  ],
  ["a configuration that the model completes", "completed", { inputs: [input("INT64", [2, 3], [1, 2, 3, 4, 5, 6])] }],
  ["another model", "asks", { inputs: [input("FP32", [2], [5, 6])] }],
  ["another model that fails", "asks", { inputs: [input("FP32", [1], [-5])] }],
  ["another model that is not there", "asks", { inputs: [input("FP32", [4], [1, 2, 3, 4])] }],
  ["many other models at once, and one that streams", "asks-many", { inputs: [input("FP32", [2], [5, 6])] }],
];

describe("the same models for Triton's Python backend on a real tritonserver and here answer the same", () => {
  it.each(CASES)("%s", async (_, model, body) => {
    const answer = await infer(ours.url, model, body);
    if (real === undefined) return;
    expect(answer).toEqual(await infer(real.url, model, body));
  });

  it("many answers to one request", async () => {
    const streams = await Promise.all(
      [ours.url, ...(real === undefined ? [] : [real.url])].map(async (url) => {
        const { text } = await post(url, "repeat/generate_stream", { A: [3, 1, 2] });
        return text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [(JSON.parse(line.slice(6)) as { B?: unknown }).B] : []));
      }),
    );
    expect(streams[0]?.filter((each) => each !== undefined)).toEqual([3, 1, 2]);
    if (streams[1] !== undefined) expect(streams[0]).toEqual(streams[1]);
  });

  it("configurations that models complete", async () => {
    const configurations = await Promise.all(
      [ours.url, ...(real === undefined ? [] : [real.url])].map(async (url) => {
        const {
          max_batch_size,
          input: inputs,
          output,
        } = (await (await fetch(`${url}/v2/models/completed/config`)).json()) as Record<string, unknown>;
        return { max_batch_size, inputs, output };
      }),
    );
    expect(configurations[0]).toMatchObject({ max_batch_size: 3, inputs: [{ name: "A", data_type: "TYPE_INT64", dims: [-1] }] });
    if (configurations[1] !== undefined) expect(configurations[0]).toEqual(configurations[1]);
  });
});
