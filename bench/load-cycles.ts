import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EXAMPLES } from "../test/server-process.ts";
import { processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { change } from "./turnover.ts";
import { startVariant } from "./variant.ts";

/** What is left of real loads and unloads of a small model, one after the other: nothing, it should be. */
const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "500" },
    /** Points of the series. */
    points: { type: "string", default: "10" },
    /** A model of examples/models. */
    model: { type: "string", default: "iris-onnx" },
    /** Fifty loads. */
    quick: { type: "boolean", default: false },
  },
});
const cycles = values.quick ? 50 : Number(values.cycles);
const points = values.quick ? 5 : Number(values.points);
/** Before the first point: what the server compiles and keeps once. */
const WARM_UP = values.quick ? 3 : 50;
const WANTED = 1.05;
/** Changes of resources that the server keeps for watches which come back, and a load makes six: they are to be there before the first point. */
const HISTORY = values.quick ? 200 : 4200;
const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";

interface Point {
  readonly loads: number;
  /** Resident bytes of the server alone, after a collection of its garbage. */
  readonly memory: number;
  readonly heap: number;
  readonly descriptors: number;
  /** The server and all below it. */
  readonly processes: number;
  /** By libuv: sockets, pipes, timers and requests. */
  readonly resources: number;
  /** On events of the server's process. */
  readonly listeners: number;
}

const server = await startVariant("cycles", { paths: [join(EXAMPLES, values.model)] });
const series: Point[] = [];
try {
  await fillHistory();
  await cycle(WARM_UP);
  series.push(await pointAt(0));
  for (let point = 1; point <= points; point++) {
    await cycle(Math.round(cycles / points));
    series.push(await pointAt(Math.round((cycles / points) * point)));
    process.stderr.write(`${series.at(-1)?.loads} of ${cycles} loads\n`);
  }
} finally {
  await server.stop();
}
print();

async function cycle(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await change(server.url, values.model, "evict");
    await change(server.url, values.model, "load");
  }
}

async function fillHistory(): Promise<void> {
  const predictor = { minReplicas: 0, model: { modelFormat: { name: "onnx" }, storageUri: `file://${join(EXAMPLES, "iris-onnx")}` } };
  const service = {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: "often-changed" },
    spec: { predictor },
  };
  await send("POST", SERVICES, "application/json", service);
  for (let change = 0; change < HISTORY; change++) {
    const patch = { metadata: { labels: { change: String(change) } } };
    await send("PATCH", `${SERVICES}/often-changed`, "application/merge-patch+json", patch);
  }
  await send("DELETE", `${SERVICES}/often-changed`, "application/json", undefined);
}

async function send(method: string, path: string, type: string, body: object | undefined): Promise<void> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(server.url + path, { method, headers: { "Content-Type": type }, ...text });
  if (!response.ok) throw new Error(`${method} of a service was answered with ${response.status}: ${await response.text()}`);
  await response.text();
}

async function pointAt(loads: number): Promise<Point> {
  await change(server.url, values.model, "evict");
  const { heap, resources, listeners } = await server.report();
  const memory = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) * 1024;
  const descriptors = readdirSync(`/proc/${server.pid}/fd`).length;
  return { loads, memory, heap, descriptors, processes: processTree(server.pid).length, resources, listeners };
}

function print(): void {
  const mebibytes = (bytes: number): string => (bytes / 1048576).toFixed(1);
  const first = series[0] as Point;
  const rows = series.map((point) => [
    String(point.loads),
    mebibytes(point.memory),
    (point.memory / first.memory).toFixed(3),
    mebibytes(point.heap),
    ...[point.descriptors, point.processes, point.resources, point.listeners].map(String),
  ]);
  const head = [
    `${machine()} ${cycles} loads and unloads of ${values.model}, after ${WARM_UP} that do not count; the figures are of the unloaded state.`,
    `Wanted: memory within ${WANTED} times the first, and everything else as it was.`,
  ];
  const titles = ["loads", "memory MiB", "of the first", "heap MiB", "descriptors", "processes", "resources", "listeners"];
  publish("load-cycles", [head.join("\n"), tableOf([titles, ...rows])], series);
}
