import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type LoadReport, median } from "../src/load/index.ts";
import { EXAMPLES } from "../test/server-process.ts";
import type { Asked } from "./drive.ts";
import { driveOpen, medianText, untilValid } from "./open-load.ts";
import { cpuMilliseconds } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { turnover } from "./turnover.ts";
import { startVariant, type Variant, withVariants } from "./variant.ts";

/** What clients of a hot model see while ten others load and unload, against idle. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "15" },
    /** Requests a second to each hot model. */
    rate: { type: "string", default: "40" },
    late: { type: "string", default: "50" },
    /** One short round. */
    quick: { type: "boolean", default: false },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);
const seconds = values.quick ? 3 : Number(values.seconds);

const FLOWER = [5.1, 3.5, 1.4, 0.2];
const HOT: Readonly<Record<string, Asked>> = {
  "scikit-learn, in its host": { path: "/v1/models/hot-iris:predict", body: JSON.stringify({ instances: [FLOWER] }) },
  "ONNX, in the server": {
    path: "/v2/models/hot-onnx/infer",
    body: JSON.stringify({ inputs: [{ name: "features", datatype: "FP32", shape: [1, 4], data: FLOWER }] }),
  },
};
/** Hosts of Python, which import their frameworks, and of Node. */
const OTHERS = ["iris/2", "iris/2", "iris/2", "iris/2", "iris/2", "iris/2", "breast-cancer", "diabetes", "iris-onnx", "iris-onnx"];
/** A short round has two of them, of Node. */
const others = values.quick ? OTHERS.slice(-2) : OTHERS;
const names = others.map((_, index) => `other-${index}`);

const PHASES = ["idle", "idle again", "loads"] as const;
type Phase = (typeof PHASES)[number];

interface Point {
  readonly variant: string;
  readonly phase: Phase;
  readonly model: string;
  readonly report: LoadReport;
}

interface Work {
  readonly variant: string;
  readonly loads: number;
  /** Of the server itself, without its hosts. */
  readonly cpuMsPerLoad: number;
}

/** Whoever waits for ten loads at once waits long. */
const patient = { "request-timeout": "600000" };
const VARIANTS = {
  ours: patient,
  "loads at normal priority": { ...patient, "load-priority": "normal" },
  "one load at a time": { ...patient, "concurrent-loads": "1" },
};

const points: Point[] = [];
const work: Work[] = [];
let voided = 0;
const folder = mkdtempSync(join(tmpdir(), "nitrous-interference-"));
try {
  cpSync(join(EXAMPLES, "iris/2"), join(folder, "hot-iris"), { recursive: true });
  cpSync(join(EXAMPLES, "iris-onnx"), join(folder, "hot-onnx"), { recursive: true });
  for (const [index, example] of others.entries()) cpSync(join(EXAMPLES, example), join(folder, `other-${index}`), { recursive: true });
  const starting = Object.entries(VARIANTS).map(([name, flags]) => startVariant(name, { paths: [folder], flags }));
  await withVariants(starting, async (variants) => {
    for (const { url } of variants) await turnover(url, names).evictAll();
    // The first round is for the compilers of Node and for the caches of the system.
    for (let round = values.quick ? 0 : -1; round < rounds; round++) {
      for (const variant of variants) await measure(variant, round);
      process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
    }
  });
} finally {
  rmSync(folder, { recursive: true });
}
print();

async function measure(variant: Variant, round: number): Promise<void> {
  for (const phase of PHASES) {
    const turns = turnover(variant.url, names);
    const usedBefore = cpuMilliseconds([variant.pid]);
    if (phase === "loads") turns.begin();
    const run = { rate: Number(values.rate), seconds, seed: round + 100, lateBoundMs: Number(values.late) };
    const reports = await untilValid(() => Promise.all(Object.values(HOT).map((asked) => driveOpen(variant.url, asked, run))));
    const loads = await turns.end();
    const cpuMsPerLoad = (cpuMilliseconds([variant.pid]) - usedBefore) / Math.max(1, loads);
    if (reports === undefined) voided++;
    if (round < 0 || reports === undefined) continue;
    if (phase === "loads") work.push({ variant: variant.name, loads, cpuMsPerLoad });
    for (const [index, model] of Object.keys(HOT).entries()) {
      points.push({ variant: variant.name, phase, model, report: reports[index] as LoadReport });
    }
  }
}

function print(): void {
  const rows = Object.keys(VARIANTS).flatMap((variant) =>
    Object.keys(HOT).flatMap((model) => {
      const of = (phase: Phase, figure: "p50" | "p99" | "max"): number[] =>
        points
          .filter((point) => point.variant === variant && point.model === model && point.phase === phase)
          .map(({ report }) => report.latency?.[figure] ?? Number.NaN);
      return PHASES.map((phase) => {
        const ratio = (figure: "p50" | "p99"): string =>
          median(of(phase, figure).map((value, round) => value / (of("idle", figure)[round] ?? Number.NaN))).toFixed(2);
        const figures = (["p50", "p99", "max"] as const).map((figure) => medianText(of(phase, figure), 2));
        return [variant, model, phase, ...figures, ratio("p50"), ratio("p99")];
      });
    }),
  );
  const loads = Object.keys(VARIANTS).map((variant) => {
    const own = work.filter((each) => each.variant === variant);
    const figure = (of: (each: Work) => number): string => medianText(own.map(of), 1);
    return [variant, figure((each) => each.loads / seconds), figure((each) => each.cpuMsPerLoad)];
  });
  const failed = points.reduce((sum, { report }) => sum + report.requests - report.answers, 0);
  const head = [
    `${machine()} Medians of ${rounds} interleaved rounds of ${seconds} s; each hot model gets ${values.rate} requests a second at random moments.`,
    `The others are ${names.length} models that load all at once and are then unloaded, again and again. Requests that failed: ${failed}.`,
    "Wanted of ours while others load: p50 within 1.2 times and p99 within 2 times that of idle.",
    `Runs that are left out because the client was more than ${values.late} ms late each time: ${voided}.`,
  ];
  publish(
    "interference",
    [
      head.join("\n"),
      tableOf([["server", "hot model", "while", "p50 ms", "p99 ms", "max ms", "p50 / idle", "p99 / idle"], ...rows]),
      tableOf([["server", "loads a second", "CPU ms of the server a load"], ...loads]),
    ],
    { points, work },
  );
}
