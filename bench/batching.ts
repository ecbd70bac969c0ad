import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { driveClosed } from "./drive.ts";
import { type BenchModel, convolution, forest, inferPath } from "./models.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { startVariant, type Variant, withVariants } from "./variant.ts";

/** Batching as nitrous does it against one request at a time and against windows that batches are waited for in. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,10,64,100" },
    models: { type: "string", default: "forest,convolution" },
  },
});
const counts = values.connections.split(",").map(Number);

interface Point {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of the server's whole process tree for one request. */
  readonly cpu: number;
}

const points = new Map<string, Point[]>();
const pointsOf = (model: BenchModel, connections: number, variant: string): Point[] => {
  const key = `${model.name}|${connections}|${variant}`;
  const found = points.get(key) ?? [];
  points.set(key, found);
  return found;
};

const models = [await forest(), convolution()].filter(({ name }) => values.models.split(",").includes(name));
const paths = models.map(({ directory }) => directory);
const starting = [
  startVariant("ours", { paths }),
  startVariant("ours again", { paths }),
  startVariant("batch size 1", { paths, flags: { "max-batch-rows": "1" } }),
  startVariant("window of 5 ms", { paths, windowMs: 5 }),
  startVariant("window of 50 ms", { paths, windowMs: 50 }),
];
await withVariants(starting, async (started) => {
  for (const variant of started) for (const model of models) await warmUp(model, variant);
  // A window that nobody asks about is none.
  const isReal = ({ name, output }: Variant): boolean => !name.startsWith("window") || output().includes("the policy is asked");
  const variants = started.filter(isReal);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const model of models) {
      for (const connections of counts) {
        for (const variant of variants) {
          pointsOf(model, connections, variant.name).push(await measure(model, variant, connections, Number(values.seconds)));
        }
      }
    }
    process.stderr.write(`round ${round + 1} of ${values.rounds} done\n`);
  }
  print(variants, started.length - variants.length);
});

/** Until everything is compiled, at all sizes of batches. */
async function warmUp(model: BenchModel, variant: Variant): Promise<void> {
  for (const connections of [1, 64]) await measure(model, variant, connections, 1);
}

async function measure(model: BenchModel, { url, pid }: Variant, connections: number, seconds: number): Promise<Point> {
  const before = cpuMilliseconds(processTree(pid));
  const asked = { path: inferPath(model), body: model.body };
  const { requests, answersPerSecond, latency } = await driveClosed(url, asked, { connections, seconds });
  const cpu = (cpuMilliseconds(processTree(pid)) - before) / requests;
  return { rate: answersPerSecond, p50: latency.p50, p99: latency.p99, cpu };
}

function print(variants: readonly Variant[], left: number): void {
  const of = (model: BenchModel, connections: number, variant: string, figure: keyof Point): number =>
    median(pointsOf(model, connections, variant).map((point) => point[figure]));
  const rows = models.flatMap((model) =>
    counts.flatMap((connections) =>
      variants.map(({ name }) => {
        const figure = (which: keyof Point): number => of(model, connections, name, which);
        const ours = (which: keyof Point): number => of(model, connections, "ours", which);
        return [
          model.name,
          String(connections),
          name,
          figure("rate").toFixed(0),
          figure("p50").toFixed(2),
          figure("p99").toFixed(2),
          figure("cpu").toFixed(3),
          (ours("rate") / figure("rate")).toFixed(2),
          (ours("p99") / figure("p99")).toFixed(2),
          (ours("cpu") / figure("cpu")).toFixed(2),
        ];
      }),
    ),
  );
  const ratios = ["rate", "p99", "CPU"].map((figure) => `ours / this: ${figure}`);
  const titles = ["model", "connections", "batching", "requests/s", "p50 ms", "p99 ms", "CPU ms/request", ...ratios];
  const notes = left === 0 ? [] : [`${left} variants were left out: the server does not take a batch policy.`];
  const head = `${machine()} Medians of ${values.rounds} interleaved rounds of ${values.seconds} s.`;
  publish("batching", [head, ...notes, tableOf([titles, ...rows])], Object.fromEntries(points));
}
