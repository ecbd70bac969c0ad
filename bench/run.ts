import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../test/server-process.ts";
import { median } from "./figures.ts";
import type { Measured } from "./load.ts";
import { cpuMilliseconds, memoryBytes, processTree } from "./processes.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,16,64" },
    targets: { type: "string", default: "" },
  },
});

interface Target {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly path: string;
  readonly body: string;
}

interface Point {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of the server's whole process tree for one request. */
  readonly cpu: number;
  /** The same of the client that asked. */
  readonly clientCpu: number;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const oneRow = (name: string, datatype: string, data: readonly number[]): string =>
  JSON.stringify({ inputs: [{ name, datatype, shape: [1, data.length], data }] });
const flower = [5.1, 3.5, 1.4, 0.2];

const server = await startServer([EXAMPLES]);
await untilLoaded(server);
const echoes: ChildProcess[] = [];
try {
  await measureAll(server);
} finally {
  for (const echo of echoes) echo.kill();
  await server.stop();
}

async function measureAll({ url, child }: ServerProcess): Promise<void> {
  const pid = child.pid as number;
  const model = (name: string, path: string, body: string): Target => ({ name, pid, url, path, body });
  const models = [
    model("iris, scikit-learn, V2", "/v2/models/iris/versions/1/infer", oneRow("x", "FP64", flower)),
    model("iris, scikit-learn, V1", "/v1/models/iris/versions/1:predict", JSON.stringify({ instances: [flower] })),
    model(
      "breast-cancer, XGBoost, V2",
      "/v2/models/breast-cancer/infer",
      oneRow(
        "x",
        "FP64",
        Array.from({ length: 30 }, (_, index) => index + 0.5),
      ),
    ),
    model("iris, ONNX, V2", "/v2/models/iris-onnx/infer", oneRow("features", "FP32", flower)),
  ].filter(({ name }) => name.includes(values.targets));
  const first = models[0] as Target;
  const answer = await (await fetch(first.url + first.path, { method: "POST", body: first.body })).text();
  const targets: Target[] = [];
  // Two of the same, so that the difference between them shows what the machine's noise is.
  for (const name of ["echo", "echo again"]) targets.push({ ...(await startEcho(name, answer)), path: "/", body: first.body });
  targets.push(...models);
  for (const target of targets) await warmUp(target);

  const points = new Map<string, Point[]>();
  const counts = values.connections.split(",").map(Number);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const connections of counts) {
      for (const target of targets) {
        const key = `${target.name}|${connections}`;
        points.set(key, [...(points.get(key) ?? []), await measure(target, connections, Number(values.seconds))]);
      }
    }
    process.stderr.write(`round ${round + 1} of ${values.rounds} done\n`);
  }
  print(targets, counts, points, memoryBytes(processTree(pid)));
}

async function startEcho(name: string, answer: string): Promise<{ name: string; pid: number; url: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", here("./echo-server.ts"), answer], { stdio: ["ignore", "pipe", "inherit"] });
  echoes.push(child);
  const port = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));
  return { name, pid: child.pid as number, url: `http://127.0.0.1:${port}` };
}

/** Once to see that it answers, then long enough for Node to have compiled the path: who is measured first must not pay for it. */
async function warmUp(target: Target): Promise<void> {
  const { name, url, path, body } = target;
  const response = await fetch(url + path, { method: "POST", body });
  if (response.status !== 200) throw new Error(`${name} answers ${response.status}: ${await response.text()}`);
  await measure(target, 16, 1);
}

async function measure({ name, pid, url, path, body }: Target, connections: number, duration: number): Promise<Point> {
  const { hostname, port } = new URL(url);
  const order = { host: hostname, port: Number(port), path, body, connections, seconds: duration };
  const before = cpuMilliseconds(processTree(pid));
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", here("./load.ts"), JSON.stringify(order)]);
  const used = cpuMilliseconds(processTree(pid)) - before;
  const { requests, seconds, errors, p50, p99, cpu } = JSON.parse(stdout) as Measured;
  if (errors > 0) throw new Error(`${name} answered ${errors} of ${requests} requests with an error`);
  return { rate: requests / seconds, p50, p99, cpu: used / requests, clientCpu: cpu };
}

function print(targets: readonly Target[], counts: readonly number[], points: ReadonlyMap<string, readonly Point[]>, memory: number): void {
  const of = (name: string, connections: number, figure: keyof Point): number =>
    median((points.get(`${name}|${connections}`) ?? []).map((point) => point[figure]));
  const rows = targets.flatMap(({ name }) =>
    counts.map((connections) => {
      const rate = of(name, connections, "rate");
      const cpu = of(name, connections, "cpu");
      const [echoRate, echoCpu] = [of("echo", connections, "rate"), of("echo", connections, "cpu")];
      const figures = [rate.toFixed(0), of(name, connections, "p50").toFixed(2), of(name, connections, "p99").toFixed(2), cpu.toFixed(4)];
      return [
        name,
        String(connections),
        ...figures,
        (rate / echoRate).toFixed(2),
        (cpu / echoCpu).toFixed(2),
        of(name, connections, "clientCpu").toFixed(4),
      ];
    }),
  );
  const table = [
    ["target", "connections", "requests/s", "p50 ms", "p99 ms", "CPU ms/request", "rate / echo", "CPU / echo", "client CPU ms"],
    Array(9).fill("---"),
    ...rows,
  ];
  const head = [
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}; medians of ${values.rounds} interleaved rounds of ${values.seconds} s.`,
    `Memory of the server and all its hosts: ${Math.round(memory / 1048576)} MiB.`,
  ];
  const text = `${head.join("\n")}\n\n${table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
  process.stdout.write(text);
  mkdirSync(here("./results"), { recursive: true });
  writeFileSync(here("./results/bench.md"), text);
  writeFileSync(
    here("./results/bench.json"),
    JSON.stringify({ node: process.version, memory, points: Object.fromEntries(points) }, null, 2),
  );
}
