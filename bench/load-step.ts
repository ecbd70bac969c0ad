import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type LoadReport, median } from "../src/load/index.ts";
import { EXAMPLES } from "../test/server-process.ts";
import { drive } from "./drive.ts";
import { medianText } from "./open-load.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { plotReplicas, type Sample } from "./replica-plot.ts";
import { startVariant, withVariants } from "./variant.ts";

/**
 * A step of load, from one request at a time to many and back, on a model that answers one in 50 ms and one after the other: with replicas
 * that follow the load, and with one.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    /** Of the three phases. */
    seconds: { type: "string", default: "8,30,40" },
    connections: { type: "string", default: "50" },
    /** Replicas at most. */
    most: { type: "string", default: "8" },
    /** Seconds of the autoscaler's window. */
    window: { type: "string", default: "10" },
    quick: { type: "boolean", default: false },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);
const window = values.quick ? 6 : Number(values.window);
const phases = (values.quick ? "2,7,12" : values.seconds).split(",").map(Number);
const PHASES = ["before", "step", "after"] as const;
const SAMPLE_MS = 250;
const REQUEST = { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] };

const SCALED = `1 to ${values.most} replicas`;
const ONE = "1 replica";
const VARIANTS = values.quick ? [ONE, SCALED] : [ONE, `${ONE} again`, SCALED];

interface Point {
  readonly variant: string;
  readonly round: number;
  readonly phases: readonly LoadReport[];
  readonly samples: readonly Sample[];
}

const folder = mkdtempSync(join(tmpdir(), "nitrous-bench-step-"));
const points: Point[] = [];
try {
  await withVariants([startVariant("ours", { paths: [manifests()] })], async ([server]) => {
    for (let round = 0; round < rounds; round++) {
      for (const [index, variant] of VARIANTS.entries()) points.push(await step(server?.url ?? "", `step-${index}`, variant, round));
      process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
    }
  });
  print();
} finally {
  rmSync(folder, { recursive: true });
}

/** A service for each variant, of the example's model. */
function manifests(): string {
  const model = join(EXAMPLES, "../autoscaling/model");
  const documents = VARIANTS.map((variant, index) =>
    JSON.stringify({
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      metadata: {
        name: `step-${index}`,
        annotations: { "nitrous/trust": "code", "autoscaling.knative.dev/window": `${window}s` },
      },
      spec: {
        predictor: {
          minReplicas: 1,
          ...(variant === SCALED ? { maxReplicas: Number(values.most), scaleTarget: 2 } : {}),
          model: { modelFormat: { name: "typescript" }, storageUri: `file://${model}` },
        },
      },
    }),
  );
  const file = join(folder, "services.yaml");
  writeFileSync(file, documents.join("\n---\n"));
  return file;
}

async function step(url: string, model: string, variant: string, round: number): Promise<Point> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const sampling = new AbortController();
  const sampled = sample(url, model, startedAt, samples, sampling.signal);
  const reports: LoadReport[] = [];
  for (const [index, seconds] of phases.entries()) {
    const connections = PHASES[index] === "step" ? Number(values.connections) : 1;
    const request = { method: "POST", path: `/v2/models/${model}/infer`, body: JSON.stringify(REQUEST) };
    const headers = { "Content-Type": "application/json" };
    reports.push(await drive({ origin: url, requests: [{ ...request, headers }], load: { kind: "closed", connections, seconds } }));
  }
  sampling.abort();
  await sampled;
  return { variant, round, phases: reports, samples };
}

async function sample(url: string, model: string, startedAt: number, into: Sample[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const response = await fetch(`${url}/nitrous/models/${model}`);
    const { replicas } = (await response.json()) as { replicas: { ready: number; wanted: number } };
    into.push({ seconds: (performance.now() - startedAt) / 1000, ready: replicas.ready, wanted: replicas.wanted });
    await wait(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
  }
}

function print(): void {
  const rows = VARIANTS.flatMap((variant) =>
    PHASES.map((phase, index) => {
      const own = points.filter((point) => point.variant === variant).map((point) => ({ point, report: point.phases[index] }));
      const one = new Map(points.filter((point) => point.variant === ONE).map(({ round, phases }) => [round, phases[index]?.latency?.p99]));
      return [
        variant,
        phase,
        medianText(
          own.map(({ report }) => report?.answersPerSecond),
          1,
        ),
        medianText(
          own.map(({ report }) => report?.latency?.p50),
          0,
        ),
        medianText(
          own.map(({ report }) => report?.latency?.p99),
          0,
        ),
        medianText(
          own.map(({ point, report }) => {
            const [p99, base] = [report?.latency?.p99, one.get(point.round)];
            return p99 === undefined || base === undefined ? undefined : p99 / base;
          }),
          2,
        ),
        String(own.reduce((sum, { report }) => sum + (report === undefined ? 0 : report.requests - report.answers), 0)),
      ];
    }),
  );
  const titles = ["replicas", "phase", "answers/s", "p50 ms", "p99 ms", `p99 / ${ONE}`, "lost"];
  const head = [
    `${machine()} ${rounds} interleaved rounds, medians; ${phases.join(", ")} s with 1, ${values.connections} and 1 connections.`,
    `The model answers one request in 50 ms; target 2 for each replica, window ${window} s. Lost: not answered with 200, of all rounds.`,
  ];
  const shown = points.filter(({ variant }) => variant === SCALED).at(-1)?.samples ?? [];
  const full = median(points.filter(({ variant }) => variant === SCALED).flatMap(({ samples }) => secondsToMost(samples) ?? []));
  publish(
    "load-step",
    [
      head.join("\n"),
      tableOf([titles, ...rows]),
      `Replicas over time in the last round (█ answers, ░ is on its way); the most answered ${full.toFixed(1)} s after the step:`,
      `\`\`\`\n${plotReplicas(shown, Number(values.most))}\n\`\`\``,
    ],
    points,
  );
}

/** From the first sample that wants more than one to the first that has the most. */
function secondsToMost(samples: readonly Sample[]): number | undefined {
  const most = Math.max(...samples.map(({ ready }) => ready));
  const at = samples.find(({ ready }) => ready === most)?.seconds;
  return at === undefined ? undefined : at - (phases[0] ?? 0);
}
