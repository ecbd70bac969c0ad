import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { driveClosed } from "./drive.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { sentenceModel } from "./sentence-model.ts";
import { type MeasuredServer, startVariant, withVariants } from "./variant.ts";

/** Sentence embeddings of one model: exported to ONNX in our Node host, and as it is behind FastAPI in Python. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    connections: { type: "string", default: "1,8,32" },
  },
});
const counts = values.connections.split(",").map(Number);
const PATH = "/v1/models/all-minilm-l6-v2:predict";
const REQUESTS = {
  "one sentence": ["The weather is lovely today, and the harbour was full of boats."],
  "eight of different lengths": Array.from({ length: 8 }, (_, index) => "a few words more ".repeat(1 + index * 3).trim()),
} as const;
type Kind = keyof typeof REQUESTS;
const KINDS = Object.keys(REQUESTS) as Kind[];

interface Point {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of the server's whole process tree for one request. */
  readonly cpu: number;
}

const points = new Map<string, Point[]>();
const pointsOf = (kind: Kind, connections: number, variant: string): Point[] => {
  const key = `${kind}|${connections}|${variant}`;
  const found = points.get(key) ?? [];
  points.set(key, found);
  return found;
};

const { directory, python } = await sentenceModel((line) => process.stderr.write(`${line}\n`));
const starting = [
  startVariant("ours", { paths: [directory] }),
  startVariant("ours again", { paths: [directory] }),
  startPython("transformers behind FastAPI", python),
];
await withVariants(starting, async (variants) => {
  for (const variant of variants) for (const kind of KINDS) await measure(kind, variant, 8, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const kind of KINDS) {
      for (const connections of counts) {
        for (const variant of variants) {
          pointsOf(kind, connections, variant.name).push(await measure(kind, variant, connections, Number(values.seconds)));
        }
      }
    }
    process.stderr.write(`round ${round + 1} of ${values.rounds} done\n`);
  }
  print(variants.map(({ name }) => name));
});

async function startPython(name: string, interpreter: string): Promise<MeasuredServer> {
  const program = fileURLToPath(new URL("./sentence-server.py", import.meta.url));
  const child: ChildProcess = spawn(interpreter, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: "1", OMP_WAIT_POLICY: "PASSIVE" },
  });
  let output = "";
  const exited = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes("listening on")) resolve();
    });
    void exited.then(() => reject(new Error("the server in Python ended before it listened")));
  });
  return {
    name,
    url: /listening on (\S+)/.exec(output)?.[1] ?? "",
    pid: child.pid as number,
    output: () => output,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function measure(kind: Kind, { url, pid }: MeasuredServer, connections: number, seconds: number): Promise<Point> {
  const body = JSON.stringify({ instances: REQUESTS[kind] });
  const before = cpuMilliseconds(processTree(pid));
  const { requests, answersPerSecond, latency } = await driveClosed(url, { path: PATH, body }, { connections, seconds });
  const cpu = (cpuMilliseconds(processTree(pid)) - before) / requests;
  return { rate: answersPerSecond, p50: latency.p50, p99: latency.p99, cpu };
}

function print(names: readonly string[]): void {
  const rows = KINDS.flatMap((kind) =>
    counts.flatMap((connections) =>
      names.map((name) => {
        const of = (variant: string, figure: keyof Point): number =>
          median(pointsOf(kind, connections, variant).map((point) => point[figure]));
        return [
          kind,
          String(connections),
          name,
          of(name, "rate").toFixed(0),
          of(name, "p50").toFixed(1),
          of(name, "p99").toFixed(1),
          of(name, "cpu").toFixed(2),
          (of("ours", "rate") / of(name, "rate")).toFixed(2),
          (of("ours", "cpu") / of(name, "cpu")).toFixed(2),
        ];
      }),
    ),
  );
  const titles = [
    "request",
    "connections",
    "server",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "CPU ms/request",
    "ours / this: rate",
    "ours / this: CPU",
  ];
  const head = `${machine()} Medians of ${values.rounds} interleaved rounds of ${values.seconds} s; one thread for a call on either side.`;
  publish("sentence-embedding", [head, tableOf([titles, ...rows])], Object.fromEntries(points));
}
