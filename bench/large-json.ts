import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { CACHE_DIRECTORY, EXAMPLES } from "../test/server-process.ts";
import type { Held } from "./large-json-server.ts";
import type { Answers, Latency, Question } from "./probe.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    requests: { type: "string", default: "4" },
    only: { type: "string", default: "" },
  },
});
const rounds = Number(values.rounds);

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const MIB = 1024 * 1024;
const WAYS = ["event loop", "threads"] as const;
const V2 = "/v2/models/iris-onnx/infer";
const flower = { inputs: [{ name: "features", datatype: "FP32", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] };
const QUESTIONS: readonly Question[] = [
  { name: "small infer", period: 10, method: "POST", path: V2, body: JSON.stringify(flower) },
  { name: "health", period: 3, method: "GET", path: "/health/live" },
];

interface Load {
  readonly name: string;
  readonly path: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

interface Measured {
  readonly held: Held;
  readonly small: Answers;
  /** Milliseconds of one large request, median. */
  readonly large: number;
  /** MiB of its answer. */
  readonly answer: number;
}

/** Rows of four numbers with all their digits: about `bytes` of JSON. */
function rowsOf(bytes: number): number[][] {
  return Array.from({ length: Math.round(bytes / 75) }, () => Array.from({ length: 4 }, () => Math.random() * 10));
}

function jsonLoad(megabytes: number, version: "V1" | "V2"): Load {
  const rows = rowsOf(megabytes * MIB);
  const v2 = { inputs: [{ name: "features", datatype: "FP32", shape: [rows.length, 4], data: rows.flat() }], outputs: [{ name: "label" }] };
  const body = Buffer.from(JSON.stringify(version === "V1" ? { instances: rows } : v2));
  return { name: `${version} body of ${megabytes} MiB`, path: version === "V1" ? "/v1/models/iris-onnx:predict" : V2, body, headers: {} };
}

/** A binary tensor in, so that only the answer is large JSON. */
function answerLoad(megabytes: number): Load {
  const rows = Math.round((megabytes * MIB) / 66);
  const head = {
    inputs: [{ name: "features", datatype: "FP32", shape: [rows, 4], parameters: { binary_data_size: rows * 16 } }],
    outputs: [{ name: "probabilities" }],
  };
  const json = Buffer.from(JSON.stringify(head));
  const numbers = Float32Array.from({ length: rows * 4 }, () => Math.random() * 10);
  const body = Buffer.concat([json, Buffer.from(numbers.buffer)]);
  const headers = { "Inference-Header-Content-Length": String(json.length) };
  return { name: `V2 answer of ${megabytes} MiB`, path: V2, body, headers };
}

const loads = [1, 8, 43]
  .flatMap((size) => [jsonLoad(size, "V1"), jsonLoad(size, "V2")])
  .concat(answerLoad(16))
  .filter(({ name }) => name.includes(values.only));
const results = new Map<string, Measured[]>();
for (let round = 0; round < rounds; round++) {
  for (const way of WAYS) await measure(way);
  process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
}
print();

async function measure(way: (typeof WAYS)[number]): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), "nitrous-large-json-"));
  const execArgv = ["--import", "tsx"];
  const order = { path: `${EXAMPLES}/iris-onnx`, state, cache: CACHE_DIRECTORY, jsonInEventLoop: way === "event loop" };
  const server = fork(here("./large-json-server.ts"), [JSON.stringify(order)], { execArgv });
  const gone = once(server, "exit");
  const url = (await heard(server)) as string;
  const probe = fork(here("./probe.ts"), [JSON.stringify({ url, questions: QUESTIONS })], { execArgv });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const phase = async (work: () => Promise<number[]>, answer: number): Promise<Measured> => {
    await Promise.all([heard(probe, ""), heard(server, "")]);
    const taken = await work();
    const [small, held] = (await Promise.all([heard(probe, ""), heard(server, "")])) as [Answers, Held];
    return { held, small, large: median(taken), answer };
  };
  try {
    // Node compiles what is asked again and again.
    await delay(3_000);
    add(way, "nothing large", await phase(() => delay(4_000).then(() => [0]), 0));
    for (const load of loads) {
      const { bytes } = await send(url, load, agent);
      const one = async (): Promise<number[]> => {
        const taken: number[] = [];
        for (let count = 0; count < Number(values.requests); count++) taken.push((await send(url, load, agent)).taken);
        return taken;
      };
      add(way, load.name, await phase(one, bytes / MIB));
    }
  } finally {
    agent.destroy();
    if (probe.connected) probe.disconnect();
    if (server.connected) server.disconnect();
    await gone;
    rmSync(state, { recursive: true, force: true });
  }
}

function add(way: string, name: string, measured: Measured): void {
  const key = `${name}|${way}`;
  results.set(key, [...(results.get(key) ?? []), measured]);
}

/** The next message of a process that is asked, or has been. */
async function heard(child: ChildProcess, question?: string): Promise<unknown> {
  if (question !== undefined) child.send(question);
  const ended = new AbortController();
  const { signal } = ended;
  try {
    const [message] = (await Promise.race([once(child, "message", { signal }), once(child, "disconnect", { signal })])) as unknown[];
    if (message === undefined) throw new Error("a process ended before it had answered");
    return message;
  } finally {
    ended.abort();
  }
}

function send(url: string, { path, body, headers }: Load, agent: Agent): Promise<{ readonly taken: number; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    const all = { "Content-Type": "application/json", "Content-Length": body.byteLength, ...headers };
    const sent = httpRequest(url + path, { method: "POST", agent, headers: all }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (response.statusCode !== 200) reject(new Error(`${path} answers ${response.statusCode}: ${chunk.toString().slice(0, 500)}`));
      });
      response.on("end", () => resolve({ taken: performance.now() - sentAt, bytes }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function print(): void {
  const rows = ["nothing large", ...loads.map(({ name }) => name)].flatMap((name) =>
    WAYS.map((way) => {
      const all = results.get(`${name}|${way}`) ?? [];
      const of = (figure: (measured: Measured) => number): string => median(all.map(figure)).toFixed(1);
      const small = (question: string, figure: keyof Latency): string => of((measured) => measured.small[question]?.[figure] ?? Number.NaN);
      return [
        name,
        way,
        of(({ held }) => held.p99),
        of(({ held }) => held.max),
        of(({ held }) => held.cpu),
        of(({ held }) => held.long),
        ...(["p50", "p99", "max"] as const).map((figure) => small("health", figure)),
        ...(["p50", "p99", "max"] as const).map((figure) => small("small infer", figure)),
        of(({ large }) => large),
        of(({ answer }) => answer),
      ];
    }),
  );
  const latencies = (name: string): string[] => ["p50", "p99", "max"].map((figure) => `${name} ${figure}`);
  const head = [
    "while",
    "JSON in",
    "held p99",
    "held max",
    "longest turn, CPU",
    "turns above 5",
    ...latencies("health"),
    ...latencies("infer"),
    "large",
    "answer MiB",
  ];
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const text = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; medians of ${rounds} interleaved rounds; milliseconds.\n\n${table}\n`;
  process.stdout.write(text);
  mkdirSync(here("./results"), { recursive: true });
  writeFileSync(here("./results/large-json.md"), text);
  writeFileSync(
    here("./results/large-json.json"),
    JSON.stringify({ node: process.version, results: Object.fromEntries(results) }, null, 2),
  );
}
