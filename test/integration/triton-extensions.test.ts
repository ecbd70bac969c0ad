import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const folder = mkdtempSync(join(tmpdir(), "nitrous-triton-"));
const ROW = { inputs: [{ name: "features", datatype: "FP32", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] };
let server: ServerProcess;

beforeAll(async () => {
  const flags = ["--metrics-port", "0", "--log-directory", folder, "--trace-file", join(folder, "traces.json")];
  server = await startServer([join(EXAMPLES, "iris-onnx")], [...flags, "--restricted-api", "model-config:x-config=secret"]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function metrics(): Promise<string> {
  const port = /metrics are at port (\d+)/.exec(server.output())?.[1];
  return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

it("replaces a model under load, keeps its answers where it was told to, and loses no request", async () => {
  let running = true;
  const statuses = new Set<number>();
  const clients = [1, 2].map(async () => {
    while (running) statuses.add((await ask(server.url, "/v2/models/iris-onnx/infer", ROW)).status);
  });
  for (const config of ['{"max_batch_size": 16, "response_cache": {"enable": true}}', '{"max_batch_size": 4}', undefined]) {
    const body = config === undefined ? {} : { parameters: { config } };
    expect(await ask(server.url, "/v2/repository/models/iris-onnx/load", body)).toMatchObject({ status: 200 });
  }
  running = false;
  await Promise.all(clients);
  expect([...statuses]).toEqual([200]);
  expect(Number(/^nv_cache_num_hits_per_model\{.*\} (\d+)$/m.exec(await metrics())?.[1])).toBeGreaterThan(0);
});

it("restricts what the operator says, and serves nothing but metrics at their port", async () => {
  expect(await ask(server.url, "/v2/models/iris-onnx/config")).toMatchObject({
    status: 403,
    body: { error: "This API is restricted, expecting header 'x-config'" },
  });
  const allowed = await fetch(`${server.url}/v2/models/iris-onnx/config`, { headers: { "X-Config": "secret" } });
  expect(await allowed.json()).toMatchObject({ max_batch_size: 256 });
  const port = /metrics are at port (\d+)/.exec(server.output())?.[1];
  expect((await fetch(`http://127.0.0.1:${port}/v2`)).status).toBe(404);
});

it("writes logs and traces where the operator allows it", async () => {
  await ask(server.url, "/v2/trace/setting", { trace_level: ["TIMESTAMPS"], trace_rate: "1" });
  expect((await ask(server.url, "/v2/logging", { log_file: "server.log" })).body).toMatchObject({ log_file: join(folder, "server.log") });
  await ask(server.url, "/v2/models/iris-onnx/infer", ROW);
  await ask(server.url, "/v2/repository/models/iris-onnx/unload", {});
  expect((await ask(server.url, "/v2/models/iris-onnx/infer", ROW)).status).toBe(503);
  await ask(server.url, "/v2/repository/models/iris-onnx/load", {});
  await server.stop();
  expect(readFileSync(join(folder, "server.log"), "utf8")).toMatch(/iris-onnx\/1 ready/);
  const traces = JSON.parse(readFileSync(join(folder, "traces.json"), "utf8")) as object[];
  expect(traces[0]).toEqual({ id: 1, model_name: "iris-onnx", model_version: 1 });
  expect(traces).toHaveLength(4);
});
