import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { driveClosed } from "./drive.ts";
import { cpuMilliseconds } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { type MeasuredServer, startVariant, withVariants } from "./variant.ts";

/**
 * What it costs to ask a model's own server through ours: the same server asked directly (twice, to show the noise), through a URL, and as
 * a process in a network of its own. Latency and processor time of our process alone, and how much later events of a stream come.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,16" },
    quick: { type: "boolean", default: false },
  },
});
const ROUNDS = values.quick ? 2 : Number(values.rounds);
const SECONDS = values.quick ? 1 : Number(values.seconds);
const COUNTS = values.connections.split(",").map(Number);
const DIRECT = "directly";
const BODY = JSON.stringify({ instances: [[5.1, 3.5, 1.4, 0.2]] });
const TENSORS = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] });
const CHAT = JSON.stringify({ model: "m", stream: true, messages: [] });
const STAND_IN = ["--import", import.meta.resolve("tsx"), fileURLToPath(new URL("./upstream-server.ts", import.meta.url))];

interface Way {
  readonly name: string;
  readonly url: string;
  /** Of our process; undefined where there is none between. */
  readonly pid: number | undefined;
  /** What the model is called there. */
  readonly model: string;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly rate: number;
  readonly cpu: number;
}

const folder = mkdtempSync(join(tmpdir(), "nitrous-bench-upstream-"));
const standIn = spawn(process.execPath, STAND_IN, { stdio: ["ignore", "pipe", "inherit"] });
const port = await new Promise<string>((resolve) => standIn.stdout.once("data", (text) => resolve(String(text).trim())));
const manifest = join(folder, "services.yaml");
writeFileSync(manifest, `${elsewhere()}---\n${ownProcess()}`);

function elsewhere(): string {
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: url
  annotations: { nitrous/url: "http://127.0.0.1:${port}", nitrous/protocols: "v1,v2,openai" }
spec: { predictor: { model: { modelFormat: { name: stand-in } } } }
`;
}

function ownProcess(): string {
  const command = JSON.stringify([process.execPath, ...STAND_IN, "0.0.0.0", "8080"]);
  return `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: { name: stand-in, annotations: { nitrous/protocols: "v1,v2,openai" } }
spec:
  supportedModelFormats: [{ name: stand-in }]
  containers:
    - { name: kserve-container, command: ${command}, ports: [{ containerPort: 8080 }] }
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: process, annotations: { nitrous/protocols: "v1,v2,openai" } }
spec: { predictor: { model: { modelFormat: { name: stand-in }, runtime: stand-in } } }
`;
}

const figures: Array<{ readonly asked: string; readonly connections: number; readonly way: string } & Figures> = [];
const delays = new Map<string, number[]>();

async function measure({ url, pid, model }: Way, form: "v1" | "v2", connections: number, seconds: number): Promise<Figures> {
  const asked = form === "v1" ? { path: `/v1/models/${model}:predict`, body: BODY } : { path: `/v2/models/${model}/infer`, body: TENSORS };
  const processes = pid === undefined ? [] : [pid];
  const before = cpuMilliseconds(processes);
  const { requests, answersPerSecond, latency } = await driveClosed(url, asked, { connections, seconds });
  return { p50: latency.p50, p99: latency.p99, rate: answersPerSecond, cpu: (cpuMilliseconds(processes) - before) / requests };
}

/** Milliseconds from the writing of each event to its arrival here. */
async function eventDelays({ url, model }: Way): Promise<number[]> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: CHAT.replace('"m"', `"${model}"`),
  });
  const found: number[] = [];
  for await (const piece of (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    const now = process.hrtime.bigint();
    for (const [, at] of piece.matchAll(/data: (\d+)\n/g)) found.push(Number(now - BigInt(at as string)) / 1e6);
  }
  if (found.length === 0) throw new Error(`${url} answered ${answer.status} without events`);
  return found;
}

async function measureAll(server: MeasuredServer): Promise<void> {
  const direct = { url: `http://127.0.0.1:${port}`, pid: undefined, model: "m" };
  const ways: readonly Way[] = [
    { ...direct, name: DIRECT },
    { name: "through us, by URL", url: server.url, pid: server.pid, model: "url" },
    { ...direct, name: `${DIRECT} again (A/A)` },
    { name: "through us, a process", url: server.url, pid: server.pid, model: "process" },
  ];
  for (const way of ways) for (const form of ["v1", "v2"] as const) await measure(way, form, 16, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const form of ["v1", "v2"] as const) {
      for (const connections of COUNTS) {
        for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
          figures.push({ asked: form, connections, way: way.name, ...(await measure(way, form, connections, SECONDS)) });
        }
      }
    }
    for (const way of ways) delays.set(way.name, [...(delays.get(way.name) ?? []), median(await eventDelays(way))]);
    process.stderr.write(`round ${round + 1} of ${ROUNDS} done\n`);
  }
}

try {
  await withVariants([startVariant("ours", { paths: [manifest] })], async ([server]) => measureAll(server as MeasuredServer));
} finally {
  standIn.kill();
  await once(standIn, "exit");
  rmSync(folder, { recursive: true, force: true });
}

const names = [...delays.keys()];
const of = (form: string, connections: number, way: string, figure: keyof Figures): number =>
  median(figures.filter((each) => each.asked === form && each.connections === connections && each.way === way).map((each) => each[figure]));
const rows = ["v1", "v2"].flatMap((form) =>
  COUNTS.flatMap((connections) =>
    names.map((name) => [
      form,
      String(connections),
      name,
      of(form, connections, name, "p50").toFixed(3),
      (of(form, connections, name, "p50") - of(form, connections, DIRECT, "p50")).toFixed(3),
      of(form, connections, name, "p99").toFixed(2),
      of(form, connections, name, "rate").toFixed(0),
      of(form, connections, name, "cpu").toFixed(3),
    ]),
  ),
);
const head = ["body", "connections", "asked", "p50 ms", "more than directly", "p99 ms", "requests/s", "CPU ms/request of ours"];
const events = names.map((name) => [
  name,
  median(delays.get(name) ?? []).toFixed(3),
  (median(delays.get(name) ?? []) - median(delays.get(DIRECT) ?? [])).toFixed(3),
]);
publish(
  "upstream",
  [
    `${machine()} Medians of ${ROUNDS} interleaved rounds of ${SECONDS} s. The load, our server and the stand-in share the processors.`,
    tableOf([head, ...rows]),
    "Events of a stream, one every 4 ms: milliseconds from the server's write to the client.",
    tableOf([["asked", "ms", "more than directly"], ...events]),
  ],
  { figures, events: Object.fromEntries(delays) },
);
