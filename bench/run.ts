import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { SETTINGS } from "../src/settings.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../test/server-process.ts";
import { driveClosed } from "./drive.ts";
import { cpuMilliseconds, memoryBytes, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,16,64" },
    targets: { type: "string", default: "" },
    inline: { type: "string", default: "both" },
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

if (!["on", "off", "both"].includes(values.inline)) throw new Error(`--inline ${values.inline}: expected on, off or both`);
const canInline = "inline" in SETTINGS;
const servers: ServerProcess[] = [];
const echoes: ChildProcess[] = [];
try {
  const main = await start([EXAMPLES], canInline ? ["--inline", values.inline === "off" ? "off" : "on"] : []);
  const other = canInline && values.inline === "both" ? await start([`${EXAMPLES}/iris-onnx`], ["--inline", "off"]) : undefined;
  await measureAll(main, other);
} finally {
  for (const echo of echoes) echo.kill();
  for (const server of servers) await server.stop();
}

async function start(paths: readonly string[], flags: readonly string[]): Promise<ServerProcess> {
  const server = await startServer(paths, flags);
  servers.push(server);
  await untilLoaded(server);
  return server;
}

/** `other` serves the ONNX model in a host, where `main` serves it inline. */
async function measureAll(main: ServerProcess, other: ServerProcess | undefined): Promise<void> {
  const model = (name: string, path: string, body: string, { url, child }: ServerProcess = main): Target => ({
    name,
    pid: child.pid as number,
    url,
    path,
    body,
  });
  const onnx = ["/v2/models/iris-onnx/infer", oneRow("features", "FP32", flower)] as const;
  const numbers = Array.from({ length: 30 }, (_, index) => index + 0.5);
  const models = [
    model("iris, scikit-learn, V2", "/v2/models/iris/versions/1/infer", oneRow("x", "FP64", flower)),
    model("iris, scikit-learn, V1", "/v1/models/iris/versions/1:predict", JSON.stringify({ instances: [flower] })),
    model("breast-cancer, XGBoost, V2", "/v2/models/breast-cancer/infer", oneRow("x", "FP64", numbers)),
    model(canInline && values.inline !== "off" ? "iris, ONNX inline, V2" : "iris, ONNX, V2", ...onnx),
    ...(other === undefined ? [] : [model("iris, ONNX in a host, V2", ...onnx, other)]),
  ].filter(({ name }) => name.includes(values.targets));
  const first = models[0];
  if (first === undefined) throw new Error(`--targets ${values.targets}: no target has that in its name`);
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
  print(targets, counts, points, memoryBytes(processTree(main.child.pid as number)));
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

async function measure({ pid, url, path, body }: Target, connections: number, seconds: number): Promise<Point> {
  const before = cpuMilliseconds(processTree(pid));
  const { requests, answersPerSecond, latency, generator } = await driveClosed(url, { path, body }, { connections, seconds });
  const cpu = (cpuMilliseconds(processTree(pid)) - before) / requests;
  return { rate: answersPerSecond, p50: latency.p50, p99: latency.p99, cpu, clientCpu: generator.cpuMsPerRequest };
}

function print(targets: readonly Target[], counts: readonly number[], points: ReadonlyMap<string, readonly Point[]>, memory: number): void {
  const of = (name: string, connections: number, figure: keyof Point): number =>
    median((points.get(`${name}|${connections}`) ?? []).map((point) => point[figure]));
  const rows = targets.flatMap(({ name }) =>
    counts.map((connections) => {
      const figure = (which: keyof Point): number => of(name, connections, which);
      return [
        name,
        String(connections),
        figure("rate").toFixed(0),
        figure("p50").toFixed(2),
        figure("p99").toFixed(2),
        figure("cpu").toFixed(4),
        (figure("rate") / of("echo", connections, "rate")).toFixed(2),
        (figure("cpu") / of("echo", connections, "cpu")).toFixed(2),
        figure("clientCpu").toFixed(4),
      ];
    }),
  );
  const titles = [
    "target",
    "connections",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/request",
    "rate / echo",
    "CPU / echo",
    "client CPU ms",
  ];
  const head = [
    `${machine()} Medians of ${values.rounds} interleaved rounds of ${values.seconds} s.`,
    `Memory of the server and all its hosts: ${Math.round(memory / 1048576)} MiB.`,
  ];
  publish("bench", [head.join("\n"), tableOf([titles, ...rows])], { memory, points: Object.fromEntries(points) });
}
