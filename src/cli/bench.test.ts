import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LoopbackServer } from "../../test/loopback-server.ts";
import { benchCommand } from "./bench.ts";
import { renderReport } from "./bench-report.ts";

const EXAMPLE = { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] };

let server: LoopbackServer;
let output: string;
let folder: string;
let bodies: string[];

beforeEach(async ({ onTestFinished }) => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  folder = await mkdtemp(join(tmpdir(), "nitrous-bench-command-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  bodies = [];
  server = await LoopbackServer.start((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      bodies.push(body);
      if (request.url === "/nitrous/models/iris") response.end(JSON.stringify({ example: EXAMPLE }));
      else if (request.url?.startsWith("/v2/models/iris")) response.end('{"outputs":[]}');
      else response.writeHead(404).end('{"error":"there is no such model"}');
    });
  });
  output = "";
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += String(text);
    return true;
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await server.stop();
});

const run = (name: string | undefined, options: Parameters<typeof benchCommand>[1]) =>
  benchCommand(name, { server: server.url(""), ...options });

it("asks a model with its own example, and tells the scheduler what the client wants", async () => {
  await run("iris", { seconds: "0.05", connections: "2", deadline: "500", priority: "1", apiKey: "nitrous-key", output: "json" });
  const last = server.requests.at(-1);
  expect(last).toMatchObject({ method: "POST", url: "/v2/models/iris/infer" });
  expect(last?.headers).toMatchObject({ "nitrous-timeout": "500", "nitrous-priority": "1", authorization: "Bearer nitrous-key" });
  expect(JSON.parse(bodies.at(-1) ?? "")).toEqual(EXAMPLE);
  expect(JSON.parse(output)).toMatchObject({ outcomes: { 200: expect.any(Number) }, goodput: { deadlineMs: 500 } });
});

it("replays a recording with its own key instead of the one that was recorded", async () => {
  const file = join(folder, "day.jsonl");
  const entry = { at: 3, method: "POST", path: "/v2/models/iris/infer", headers: { Authorization: "Bearer old" }, text: '{"inputs":[]}' };
  await writeFile(file, `{"nitrousRecording":1,"startedAt":"2026-11-21T10:00:00Z"}\n${JSON.stringify(entry)}\n`);
  await run(undefined, { replay: file, apiKey: "new" });
  expect(bodies).toEqual(['{"inputs":[]}']);
  expect(server.requests[0]?.headers.authorization).toBe("Bearer new");
  expect(output).toMatch(/^requests +1 in .*\nanswers +1, /);
});

it("says what the server says about a model that it does not have, before it asks again and again", async () => {
  await expect(run("wine", {})).rejects.toThrow("there is no such model");
  expect(server.requests).toHaveLength(1);
});

it.each([
  [undefined, {}, "name a model, or give --replay"],
  ["iris", { replay: "day.jsonl" }, "give --replay or MODEL, not both: a recording says what is sent and when"],
  [undefined, { replay: "day.jsonl", rate: "3" }, "give --replay or --rate, not both: a recording says what is sent and when"],
  ["iris", { rate: "3", connections: "3" }, "give --connections for a closed loop or --rate for an open one, not both"],
  ["iris", { rate: "3", arrivals: "steady" }, "--arrivals steady: expected poisson or constant"],
  ["iris", { arrivals: "constant" }, "--arrivals is for --rate"],
  ["iris", { speed: "2" }, "--speed is for --replay"],
  ["iris", { seconds: "0" }, "--seconds 0: expected a number above 0"],
  ["iris", { deadline: "soon" }, "--deadline soon: expected a number above 0"],
  ["iris", { deadline: "0.5" }, "--deadline 0.5: expected a whole number of milliseconds"],
  ["iris", { priority: "9" }, "--priority 9: expected a whole number from 1 (first) to 5"],
  ["iris", { seed: "2" }, "--seed is for --rate"],
  [undefined, { replay: "day.jsonl", arrivals: "constant" }, "give --replay or --arrivals, not both"],
  [undefined, { replay: "day.jsonl", modelVersion: "3" }, "give --replay or --model-version, not both"],
])("refuses %s with %j", async (name, options, message) => {
  await expect(run(name, options)).rejects.toThrow(message);
});

it("prints a report for people", () => {
  const latency = { p50: 1.2345, p90: 12.34, p99: 123.4, p999: 1234.5, max: 0.0123 };
  const report = {
    requests: 105,
    seconds: 10,
    outcomes: { 200: 100, 429: 4, "connection closed": 1 },
    answers: 100,
    answersPerSecond: 10,
    latency,
    refusalLatency: latency,
    goodput: { deadlineMs: 50, answers: 84, perSecond: 8.4 },
    generator: { cpuMsPerRequest: 0.5, late: { p99: 1.5, max: 3, bound: 10 } },
  };
  expect(renderReport(report)).toMatchInlineSnapshot(`
    "requests            105 in 10.0 s
    answers             100, 10 a second
    latency, ms         p50 1.23   p90 12.3   p99 123   p99.9 1235   max 0.0123
    within 50 ms        84 (80.0 %), 8.4 a second
    others              429: 4, connection closed: 1
    their latency, ms   p50 1.23   p90 12.3   p99 123   p99.9 1235   max 0.0123
    this client         0.500 ms of processor a request; requests went out 1.5 ms late (p99)
    "
  `);
});
