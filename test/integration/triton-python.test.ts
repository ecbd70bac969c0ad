import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const CONFIGURATION = `backend: "python"
input [ { name: "IN" data_type: TYPE_INT32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] } ]
`;
const HEAD = "import os\nimport numpy as np\nimport triton_python_backend_utils as pb_utils\n\n";
const ANSWER = "[pb_utils.InferenceResponse([pb_utils.Tensor('OUT', request.inputs()[0].as_numpy())]) for request in requests]";

/** By path in the repository. */
const FILES: Readonly<Record<string, string>> = {
  "says/config.pbtxt": CONFIGURATION,
  // It is ready as long as there is a file.
  "says/1/model.py": `${HEAD}class TritonPythonModel:
    def initialize(self, args):
        self.flag = os.path.join(args["model_repository"], "flag")

    async def is_ready(self):
        return os.path.exists(self.flag)

    def execute(self, requests):
        return ${ANSWER}
`,
  "completes/config.pbtxt": 'backend: "python"',
  // It answers how many requests came with a request, and the first one when there is a file.
  "completes/1/model.py": `${HEAD}import time

class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.set_max_batch_size(8)
        config.add_input({"name": "IN", "data_type": "TYPE_INT32", "dims": [1]})
        config.add_output({"name": "OUT", "data_type": "TYPE_INT32", "dims": [1]})
        config.set_dynamic_batching()
        config.as_dict()["dynamic_batching"]["default_queue_policy"] = {"max_queue_size": 2}
        return config

    def initialize(self, args):
        self.folder = args["model_repository"]

    def execute(self, requests):
        open(os.path.join(self.folder, "begun"), "w").close()
        while not os.path.exists(os.path.join(self.folder, "go")):
            time.sleep(0.01)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([[len(requests)]], np.int32))]) for _ in requests]
`,
};

/** Of a model that asks `MODEL` as its input says: 1 as others do, 2 in a thread that outlives the request, 3 has it unloaded. */
const asks = (model: string): string => `${HEAD}import threading

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        array = request.inputs()[0].as_numpy()
        if array[0] == 0:
            return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", array)])
        asked = pb_utils.InferenceRequest(model_name="${model}", requested_output_names=["OUT"], inputs=[pb_utils.Tensor("IN", array if array[0] == 1 else array * 0)])
        try:
            if array[0] == 2:
                threading.Thread(target=asked.exec).start()
            elif array[0] == 3:
                pb_utils.unload_model("${model}")
            elif asked.exec().has_error():
                return pb_utils.InferenceResponse(error=asked.exec().error())
        except pb_utils.TritonModelException as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error)))
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", array)])
`;

const REPOSITORY: Readonly<Record<string, string>> = {
  ...FILES,
  "itself/config.pbtxt": CONFIGURATION,
  "itself/1/model.py": asks("itself"),
  "one/config.pbtxt": CONFIGURATION,
  "one/1/model.py": asks("other"),
  "other/config.pbtxt": CONFIGURATION,
  "other/1/model.py": asks("one"),
};

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-triton-python-"));
  for (const [path, content] of Object.entries(REPOSITORY)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  server = await startServer([folder], ["--profile", "triton"]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const infer = (model: string, { shape = [1], value = 1 } = {}): ReturnType<typeof ask> =>
  ask(server.url, `/v2/models/${model}/infer`, { inputs: [{ name: "IN", datatype: "INT32", shape, data: [value] }] });

it("asks a model whether it is ready, and serves it in any case", async () => {
  const status = async (): Promise<number> => (await fetch(`${server.url}/v2/models/says/ready`)).status;
  expect(await status()).toBe(400);
  expect((await ask(server.url, "/v1/models/says")).body).toMatchObject({
    ready: false,
    error: "Model with name says is not ready. its is_ready says no",
  });
  expect(await infer("says")).toMatchObject({ status: 200 });
  await writeFile(join(folder, "says/flag"), "");
  expect(await status()).toBe(200);
});

it("schedules requests as a model has completed its configuration", async () => {
  const first = infer("completes", { shape: [1, 1] });
  await vi.waitUntil(() => existsSync(join(folder, "completes/begun")), { timeout: 10_000 });
  const others = [1, 2, 3, 4].map(() => infer("completes", { shape: [1, 1] }));
  const refused = await Promise.any(
    others.map(async (other) => ((await other).status === 503 ? other : Promise.reject(new Error("answered")))),
  );
  expect(refused.body).toMatchObject({ error: expect.stringContaining("Exceeds maximum queue size") });
  await writeFile(join(folder, "completes/go"), "");
  const answers = await Promise.all([first, ...others]);
  const counts = answers.flatMap(({ body }) => (body as { outputs?: { data: number[] }[] }).outputs?.[0]?.data ?? []);
  expect(counts).toEqual([1, 2, 2]);
});

it("refuses a model what would wait for itself, and nothing else", async () => {
  expect((await infer("itself")).body).toMatchObject({ error: expect.stringContaining("model 'itself' asks itself") });
  expect((await infer("one")).body).toMatchObject({
    error: expect.stringMatching(/the models '(one|other)' and '(one|other)' ask each other/),
  });
  expect((await infer("itself", { value: 3 })).body).toMatchObject({ error: expect.stringContaining("cannot unload itself in execute") });
  for (const value of [2, 0]) expect(await infer("itself", { value })).toMatchObject({ status: 200 });
});
