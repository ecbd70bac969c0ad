import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LoopbackServer } from "../loopback-server.ts";
import { grpcPortOf, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { applyReady, ask, isReady, untilService } from "../service-process.ts";

/** What the server behind serves. */
const MODELS = {
  "sums/model.ts": `import { defineModel } from "nitrous";
export default defineModel({
  inputs: { a: "FP32[-1,2]" },
  outputs: { sum: "FP32[-1]" },
  run: ({ a }) => ({ sum: Float32Array.from({ length: a.shape[0] }, (_, row) => a.data[2 * row] + a.data[2 * row + 1]) }),
});
`,
  "people/model.ts": `import { defineModel } from "nitrous";
export default defineModel({
  inputs: { age: "INT64[-1]", name: "BYTES[-1]" },
  outputs: { next: "INT64[-1]", greeting: "BYTES[-1]" },
  run: ({ age, name }) => ({ next: BigInt64Array.from(age.data, (years) => years + 1n), greeting: name.data.map((each) => "hello " + each) }),
});
`,
  "words/model.ts": `import { defineModel } from "nitrous";
let go = () => undefined;
export default defineModel({
  inputs: { text: "BYTES[1]" },
  async *run({ text }, { signal }) {
    for (const word of text.data.join(" ").split(" ")) {
      if (word === "wait") await new Promise((resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield [word];
    }
  },
});
`,
};

let folder: string;
let behind: ServerProcess;
let server: ServerProcess;

function service(name: string, model: string, protocols: string): string {
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}
  annotations:
    nitrous/url: ${behind.url}
    nitrous/protocols: ${protocols}
    nitrous/model-name: ${model}
spec:
  predictor:
    model:
      modelFormat:
        name: custom
`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-upstream-"));
  for (const [path, text] of Object.entries(MODELS)) {
    await mkdir(dirname(join(folder, "models", path)), { recursive: true });
    await writeFile(join(folder, "models", path), text);
  }
  behind = await startServer([join(folder, "models")], ["--grpc-port", "0"]);
  await untilLoaded(behind);
  server = await startServer([]);
  const files: string[] = [];
  for (const model of ["sums", "people", "words"]) {
    for (const protocol of ["v1", "v2", "grpc-v2"]) {
      if (model === "words" && protocol !== "v1") continue;
      files.push(join(folder, `${model}-${protocol}.yaml`));
      const text = service(`${model}-${protocol}`, model, protocol);
      const grpc = `grpc://127.0.0.1:${grpcPortOf(behind)}`;
      await writeFile(files.at(-1) as string, protocol === "grpc-v2" ? text.replace(behind.url, grpc) : text);
    }
  }
  await applyReady(server.url, files);
});

afterAll(async () => {
  expect(await server?.stop()).toBe(0);
  await behind?.stop();
  await rm(folder, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}): ReturnType<typeof ask> =>
  ask(server.url, path, body, headers);
const tensor = (name: string, datatype: string, shape: readonly number[], data: readonly unknown[]): object => ({
  name,
  datatype,
  shape,
  data,
});

describe("a service whose server is elsewhere", () => {
  it("tells what that server tells", async () => {
    expect((await ask(server.url, "/v2/models/sums-v2")).body).toMatchObject({
      name: "sums-v2",
      inputs: [{ name: "a", datatype: "FP32", shape: [-1, 2] }],
      outputs: [{ name: "sum", datatype: "FP32", shape: [-1] }],
    });
    expect((await ask(server.url, "/v1/models/sums-v1")).body).toEqual({ name: "sums-v1", ready: true });
  });

  it.each(["v1", "v2", "grpc-v2"])("that speaks %s answers both protocols with numbers", async (protocol) => {
    const name = `sums-${protocol}`;
    expect(
      await post(`/v1/models/${name}:predict`, {
        instances: [
          [1, 2.5],
          [3, 4],
        ],
      }),
    ).toEqual({ status: 200, body: { predictions: [3.5, 7] } });
    const { status, body } = await post(`/v2/models/${name}/infer`, { inputs: [tensor("a", "FP32", [2, 2], [1, 2.5, 3, 4])] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ model_name: name, outputs: [{ shape: [2], data: [3.5, 7] }] });
  });

  it.each(["v1", "v2", "grpc-v2"])("that speaks %s answers both protocols with named columns, texts and all digits", async (protocol) => {
    const name = `people-${protocol}`;
    const rows = await fetch(`${server.url}/v1/models/${name}:predict`, {
      method: "POST",
      body: '{"instances":[{"age":9007199254740993,"name":"Ann"}]}',
    });
    expect(await rows.text()).toBe('{"predictions":[{"next":9007199254740994,"greeting":"hello Ann"}]}');
    const infer = await fetch(`${server.url}/v2/models/${name}/infer`, {
      method: "POST",
      body: '{"inputs":[{"name":"age","datatype":"INT64","shape":[1],"data":[9007199254740993]},{"name":"name","datatype":"BYTES","shape":[1],"data":["Ann"]}]}',
    });
    const text = await infer.text();
    expect(text).toContain('"name":"next","shape":[1],"datatype":"INT64","data":[9007199254740994]');
    expect(text).toContain('"data":["hello Ann"]');
  });

  it("gives its refusals on, and refuses what it has no place for", async () => {
    expect(await post("/v1/models/sums-v1:predict", { instances: [[1]] })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining("sums") },
    });
    const { status, body } = await post("/v2/models/sums-v1/infer", {
      inputs: [tensor("a", "FP32", [1, 2], [1, 2])],
      outputs: [{ name: "sum" }],
    });
    expect(status).toBe(501);
    expect(body).toMatchObject({ error: expect.stringMatching(/^outputs: /) });
  });

  it("streams, word by word", async () => {
    const answer = await fetch(`${server.url}/v1/models/words-v1:predict`, {
      method: "POST",
      headers: { Accept: "text/event-stream", "Content-Type": "application/json" },
      body: '{"instances":["one two wait"]}',
    });
    expect(answer.headers.get("content-type")).toContain("text/event-stream");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    // The third one never comes: what is here has not waited for it.
    while (!seen.includes("two")) seen += (await reader?.read())?.value ?? "";
    expect(seen).toContain("one");
    await reader?.cancel();
    // The server behind is told, and so the model is.
    const metrics = async (): Promise<string> => await (await fetch(`${behind.url}/metrics`)).text();
    while (!/nitrous_requests_cancelled_total\{[^}]*model="words"[^}]*\} [1-9]/.test(await metrics()))
      await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it("gets requests that share a call where its service says so", async () => {
    // More than run at once.
    const REQUESTS = 100;
    const calls: number[] = [];
    const standIn = await LoopbackServer.start((asked, response) => {
      let text = "";
      asked.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      asked.on("end", () => {
        const { instances } = JSON.parse(text || '{"instances":[]}') as { instances: number[][] };
        calls.push(instances.length);
        setTimeout(() => response.end(JSON.stringify({ predictions: instances.map(([first = 0]) => first / 2) })), 200);
      });
    });
    const file = join(folder, "batched.yaml");
    const text = service("batched", "any", "v1").replace(behind.url, `http://127.0.0.1:${standIn.port}`);
    await writeFile(file, text.replace("  predictor:", "  predictor:\n    batcher: { maxBatchSize: 8, maxLatency: 1000 }"));
    await applyReady(server.url, [file]);
    const answers = await Promise.all(
      Array.from({ length: REQUESTS }, (_, index) => post("/v1/models/batched:predict", { instances: [[index + 0.5]] })),
    );
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: REQUESTS }, (_, index) => ({ predictions: [(index + 0.5) / 2] })));
    expect(calls.reduce((sum, rows) => sum + rows, 0)).toBe(REQUESTS);
    expect(calls.length).toBeLessThan(REQUESTS);
    await standIn.stop();
  });

  it("is not there when nobody listens, and says so", async () => {
    const file = join(folder, "nowhere.yaml");
    await writeFile(file, service("nowhere", "sums", "v2").replace(behind.url, "http://127.0.0.1:9"));
    await applyReady(server.url, [file], 1).catch(() => undefined);
    const found = await untilService(server.url, "nowhere", (each) => !isReady(each));
    expect(found.status?.modelStatus.states.targetModelState).toMatch(/Loading|Pending/);
    await fetch(`${server.url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/nowhere`, { method: "DELETE" });
  });
});

/** A program of the machine that is ready when a file is there. */
const PROGRAM = `import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        ready = os.path.exists(os.environ["READY"])
        self.answer(200 if self.path == "/health/live" or ready else 503, {})

    def do_POST(self):
        instances = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        if instances == ["die"]:
            print("I was told to die", flush=True)
            os._exit(3)
        self.answer(200, {"predictions": [sum(row) for row in instances], "path": self.path, "trace": self.headers["traceparent"]})

ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
`;

describe("a service whose server is a process", () => {
  let ready: string;

  beforeAll(async () => {
    ready = join(folder, "ready");
    const program = join(folder, "program.py");
    await writeFile(program, PROGRAM);
    await writeFile(ready, "");
    const file = join(folder, "process.yaml");
    await writeFile(
      file,
      `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: { name: program }
spec:
  supportedModelFormats: [{ name: anything }]
  protocolVersions: [v1]
  containers:
    - name: kserve-container
      command: [python3, ${program}]
      env: [{ name: READY, value: ${ready} }]
      ports: [{ containerPort: 8080 }]
      readinessProbe: { httpGet: { path: /health/ready, port: 8080 }, periodSeconds: 1, failureThreshold: 1 }
      livenessProbe: { httpGet: { path: /health/live, port: 8080 }, periodSeconds: 1 }
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: program }
spec: { predictor: { model: { modelFormat: { name: anything }, runtime: program } } }
`,
    );
    await applyReady(server.url, [file]);
  });

  it("answers both protocols, and is told whose call it is", async () => {
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect(await post("/v1/models/program:predict", { instances: [[1, 2]] }, { traceparent: trace })).toEqual({
      status: 200,
      body: { predictions: [3], path: "/v1/models/program:predict", trace },
    });
    const { body } = await post("/v2/models/program/infer", { inputs: [tensor("x", "FP64", [1, 2], [1.5, 2])] });
    expect(body).toMatchObject({ outputs: [{ name: "output-0", datatype: "FP64", shape: [1], data: [3.5] }] });
  });

  it("is not ready while its probe says so, and again afterwards", async () => {
    await rm(ready);
    await untilService(server.url, "program", (each) => !isReady(each));
    expect((await ask(server.url, "/v2/models/program/ready")).status).toBe(503);
    const refused = await post("/v1/models/program:predict", { instances: [[1]] });
    expect(refused).toMatchObject({
      status: 503,
      body: { error: expect.stringMatching(/its server is not ready: GET \/health\/ready on port 8080: 503/) },
    });
    await writeFile(ready, "");
    await untilService(server.url, "program", isReady);
    expect((await post("/v1/models/program:predict", { instances: [[1]] })).status).toBe(200);
  });

  it("goes on with another one when it has died", async () => {
    const died = await post("/v1/models/program:predict", { instances: ["die"] });
    expect(died).toMatchObject({ status: 503, body: { error: expect.stringMatching(/exited with code 3/) } });
    await untilService(server.url, "program", isReady);
    while ((await post("/v1/models/program:predict", { instances: [[1]] })).status !== 200)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.output()).toContain("exited with code 3");
  });
});
