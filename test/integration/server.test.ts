import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { MAIN, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const MODELS = {
  "double/model.py": `
class Model:
    inputs = {"x": "FP64[-1]"}
    outputs = {"y": "FP64[-1]"}
    batchable = True
    example = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}]}
    def predict(self, x):
        if (x < 0).any(): raise RuntimeError("negative")
        return {"y": x * 2}
`,
  "suicidal/model.py": `
import os, signal
class Model:
    def predict(self, x):
        os.kill(os.getpid(), signal.SIGKILL)
`,
  "ticker/model.py": `
import pathlib, time
class Model:
    def predict(self, x):
        try:
            while True:
                yield [1]
                time.sleep(0.01)
        finally:
            pathlib.Path(__file__).with_name("closed").write_text("yes")
`,
  "slow/model.py": `
import time
class Model:
    def predict(self, x):
        time.sleep(0.5)
        return ["done"]
`,
  "answers/model.js": `
export class Model {
  predict({ instances }, { parameters }) { return { count: instances.length, parameters }; }
}
`,
  "broken/model.py": "import surely_not_there\nclass Model:\n    def predict(self, x): return x\n",
  "unknown/model.gguf": "x",
};

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-serve-"));
  for (const [path, text] of Object.entries(MODELS)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  server = await startServer([folder], ["--max-body-bytes", "100000"]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + path, { method: "POST", body: JSON.stringify(body), headers });
}

function infer(name: string, values: number[]): Promise<Response> {
  return post(`/v2/models/${name}/infer`, { inputs: [{ name: "x", datatype: "FP64", shape: [values.length], data: values }] });
}

/** What these tests read of any answer. */
interface Answer {
  readonly error: string;
  readonly outputs: ReadonlyArray<{ readonly data: readonly number[] }>;
  readonly hostPid: number;
}

async function json(response: Response | Promise<Response>): Promise<Answer> {
  return (await (await response).json()) as Answer;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The status of a request whose body is announced and never sent. */
function statusWithoutBody(path: string, length: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest(server.url + path, { method: "POST", headers: { "Content-Length": length } }, (response) => {
      resolve(response.statusCode);
      request.destroy();
    });
    request.on("error", () => undefined);
    request.flushHeaders();
  });
}

describe("a running server", () => {
  it("answers both protocols, and batches of parallel requests each with their own rows", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => json(infer("double", [index, index + 0.5]))));
    answers.forEach((answer, index) => {
      expect(answer.outputs[0]?.data).toEqual([index * 2, index * 2 + 1]);
    });
    expect(await (await post("/v1/models/double:predict", { instances: [1, 2] })).json()).toEqual({ predictions: [2, 4] });
  });

  it("fails only the bad request of a batch", async () => {
    const statuses = await Promise.all([1, -1, 2, 3, -2].map(async (value) => (await infer("double", [value])).status));
    expect(statuses).toEqual([200, 500, 200, 200, 500]);
    expect(await (await infer("double", [-1])).json()).toEqual({ error: "RuntimeError: negative" });
  });

  it("says how each model is, and serves the others when one is broken", async () => {
    const ready = await fetch(`${server.url}/v2/models/broken/ready`);
    expect(ready.status).toBe(503);
    expect((await json(ready)).error).toContain("'surely_not_there': add it to requirements.txt");
    expect((await infer("broken", [1])).status).toBe(503);
    expect((await fetch(`${server.url}/v2/health/ready`)).status).toBe(200);
    expect(server.output()).toContain("GGUF models are not served by this version");
  });

  it("starts a host again that died, after telling whoever was in it", async () => {
    const before = await json(fetch(`${server.url}/nitrous/models/suicidal`));
    const answer = await post("/v1/models/suicidal:predict", { instances: [1] });
    expect(answer.status).toBe(503);
    await until(async () => (await fetch(`${server.url}/v1/models/suicidal`)).status === 200);
    const after = await json(fetch(`${server.url}/nitrous/models/suicidal`));
    expect(after.hostPid).not.toBe(before.hostPid);
  });

  it("streams, and stops the model when the client goes away", async () => {
    const controller = new AbortController();
    const response = await fetch(`${server.url}/v1/models/ticker:predict`, {
      method: "POST",
      body: '{"instances":[0]}',
      headers: { Accept: "text/event-stream" },
      signal: controller.signal,
    });
    const reader = response.body?.getReader();
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toMatch(/^data: {"predictions":\[1\]}\n\n/);
    controller.abort();
    await until(async () => {
      try {
        return readFileSync(join(folder, "ticker/closed"), "utf8") === "yes";
      } catch {
        return false;
      }
    });
  });

  it("tells a V2 client of a streaming model what to do", async () => {
    const answer = await infer("ticker", [1]);
    expect(answer.status).toBe(501);
    expect((await json(answer)).error).toContain("Accept: text/event-stream");
  });

  it("runs JavaScript models, with parameters", async () => {
    const answer = await post("/v1/models/answers:predict", { instances: [1, 2, 3], parameters: { k: "v" } });
    expect(await answer.json()).toEqual({ predictions: { count: 3, parameters: { k: "v" } } });
  });

  it("takes compressed bodies and refuses large ones, also those that are small until decompressed", async () => {
    const url = `${server.url}/v1/models/double:predict`;
    const options = { method: "POST", headers: { "Content-Encoding": "gzip" } };
    expect((await fetch(url, { ...options, body: gzipSync(JSON.stringify({ instances: [1] })) })).status).toBe(200);
    const bomb = await fetch(url, { ...options, body: gzipSync(Buffer.alloc(5e6)) });
    expect([bomb.status, (await json(bomb)).error]).toEqual([413, "the body is larger than 100000 bytes when decompressed"]);
  });

  it("refuses before the body is sent when it is too large, or the model is not there", async () => {
    expect(await statusWithoutBody("/v1/models/double:predict", 1e9)).toBe(413);
    expect(await statusWithoutBody("/v1/models/nope:predict", 1000)).toBe(404);
  });

  it.each([
    ["GET", "/nowhere", 404],
    ["GET", "/v1/models/double:predict", 405],
    ["DELETE", "/v2/models/double", 405],
    ["GET", "/v2/models/..%2f..%2fetc", 404],
  ])("%s %s is %d with a JSON error", async (method, path, status) => {
    const answer = await fetch(server.url + path, { method });
    expect(answer.status).toBe(status);
    expect(typeof (await json(answer)).error).toBe("string");
  });

  it("survives bytes that are not HTTP", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.resume().write("\x00\x01nonsense\r\n\r\n");
    await new Promise((resolve) => socket.on("close", resolve).on("error", () => undefined));
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
  });

  it("counts requests by model, protocol and code", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/nitrous_requests_total{namespace="default",model="double",version="1",protocol="oip",code="INTERNAL"} [1-9]/);
    expect(text).toMatch(/nitrous_batch_size_bucket{namespace="default",model="double",version="1",le="\+Inf"} [1-9]/);
    expect(text).toMatch(/nitrous_host_memory_bytes{namespace="default",model="double",version="1",pid="\d+"} [1-9]/);
    expect(text).toContain('nitrous_models{state="failed"} 1');
    expect(text).not.toContain('model="nope"');
  });

  it("drains on a signal: what is under way is answered, and it exits with 0", async () => {
    const own = await startServer([join(folder, "slow")]);
    await untilLoaded(own);
    const answer = fetch(`${own.url}/v1/models/slow:predict`, { method: "POST", body: '{"instances":[1]}' });
    await until(async () => /nitrous_requests_in_flight [1-9]/.test(await (await fetch(`${own.url}/metrics`)).text()));
    const code = own.stop("SIGINT");
    expect(await (await answer).json()).toEqual({ predictions: ["done"] });
    expect(await code).toBe(0);
  });
});

it("cuts off what takes longer than the drain, and its exit code says so", async () => {
  const own = await startServer([join(folder, "slow")], ["--drain-timeout", "100"]);
  await untilLoaded(own);
  const answer = fetch(`${own.url}/v1/models/slow:predict`, { method: "POST", body: '{"instances":[1]}' }).then(
    ({ status }) => status,
    () => "cut",
  );
  await until(async () => /nitrous_requests_in_flight [1-9]/.test(await (await fetch(`${own.url}/metrics`)).text()));
  expect(await own.stop()).toBe(1);
  expect(["cut", 503]).toContain(await answer);
  expect(own.output()).toContain("what was under way is cut off");
});

describe("starting", () => {
  it("answers /health/live before any model is loaded, and stops cleanly in the middle of loading", async () => {
    const own = await startServer([folder]);
    expect((await fetch(`${own.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${own.url}/health/ready`)).status).toBe(503);
    expect(await own.stop()).toBe(0);
  });

  it.each([
    [["x", "--http-port", "99999"], "--http-port: Too big"],
    [["x", "--host", "0.0.0.0"], "add --insecure"],
    [["x", "--htp-port", "1"], "unknown option"],
  ])("refuses wrong arguments (%#)", async (flags, message) => {
    await expect(run([process.execPath, MAIN, "serve", ...flags])).rejects.toThrow(message);
  });

  it("says in the first line what a model's environment lacks, and below it what the installer printed", async () => {
    await mkdir(join(folder, "needy"));
    await writeFile(join(folder, "needy/model.py"), MODELS["slow/model.py"]);
    await writeFile(join(folder, "needy/requirements.txt"), "surely-not-a-package-of-anybody==1\n");
    const own = await startServer([join(folder, "needy")]);
    await untilLoaded(own);
    // Two pipes: what is on the second one may be read later.
    await expect
      .poll(() => own.output(), { timeout: 10_000 })
      .toMatch(/its Python environment could not be made; the installer says\n.*pip install.*\n[\s\S]*surely-not-a-package-of-anybody/);
    const answer = await fetch(`${own.url}/v1/models/needy`);
    expect((await json(answer)).error).toMatch(/the installer says$/);
    await own.stop();
  });

  it("keeps a model that does not fit into memory registered, and says so", async () => {
    const own = await startServer([join(folder, "double")], ["--memory-budget", "1000000"]);
    await untilLoaded(own);
    expect(own.output()).toMatch(/registered\n\s+it needs about \d+ MiB, and 0.95 MiB of the 0.95 MiB for hosts are free/);
    expect(await own.stop()).toBe(0);
  });
});

describe("the command infer", () => {
  const command = (...args: string[]): Promise<string> => run([process.execPath, MAIN, "infer", ...args, "--server", server.url]);

  it("sends the model's own example, inputs, or a file", async () => {
    expect(await command("double")).toBe("y (FP64 [1])\n------------\n2\n");
    expect(JSON.parse(await command("double", "--input", "x=[1,2]", "-o", "json")).outputs[0].data).toEqual([2, 4]);
    const file = join(folder, "request.json");
    await writeFile(file, '{"instances":[4]}');
    expect(await command("double", "-f", file)).toBe("predictions\n-----------\n8\n");
  });

  it.each([
    [["nope"], "Model with name nope does not exist"],
    [["double", "--input", "z=1", "--input", "w=2"], "inference input 'z'"],
    [["slow"], "has no example"],
  ])("says what went wrong (%#)", async (args, message) => {
    await expect(command(...args)).rejects.toThrow(message);
  });
});
