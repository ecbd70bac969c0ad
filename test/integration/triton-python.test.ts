import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
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
};

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-triton-python-"));
  for (const [path, content] of Object.entries(FILES)) {
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

const infer = (model: string, value = 1): ReturnType<typeof ask> =>
  ask(server.url, `/v2/models/${model}/infer`, { inputs: [{ name: "IN", datatype: "INT32", shape: [1], data: [value] }] });

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
