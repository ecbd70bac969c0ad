import type { RequestRecord } from "../core/context.ts";
import type { Events } from "../core/events.ts";
import type { Histogram } from "../core/statistics.ts";
import { type Family, histogramSamples } from "./families.ts";

/** Seconds; what Prometheus' own client for Python has by default, and KServe with it. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const STAGES = {
  preprocess: "Time in which requests were read and decoded.",
  explain: "Time from the queue to the explanation.",
  predict: "Time from the queue to the prediction.",
  postprocess: "Time in which answers were fetched and written.",
} as const;

type Stage = keyof typeof STAGES;

/** KServe's four histograms under KServe's names, for dashboards that are there already. */
export function kserveFamilies(events: Events): Family[] {
  const models = new Map<string, Record<Stage, Buckets>>();
  events.on("request-finished", (record) => {
    if (record.outcome !== "OK" || record.version === "") return;
    let stages = models.get(record.model);
    if (stages === undefined) {
      stages = { preprocess: new Buckets(), explain: new Buckets(), predict: new Buckets(), postprocess: new Buckets() };
      models.set(record.model, stages);
    }
    observe(stages, record);
  });
  return (Object.keys(STAGES) as Stage[]).map((stage) => ({
    name: `request_${stage}_seconds`,
    help: STAGES[stage],
    type: "histogram",
    *samples() {
      for (const [model, stages] of models) if (stages[stage].observed > 0) yield* histogramSamples(stages[stage], { model_name: model });
    },
  }));
}

function observe(stages: Record<Stage, Buckets>, record: RequestRecord): void {
  const { startedAt, queuedAt, queueMs, computeMs, finishedAt } = record;
  const before = queuedAt === 0 ? 0 : queuedAt - startedAt;
  stages.preprocess.observe(before);
  stages[record.method === "explain" ? "explain" : "predict"].observe(queueMs + computeMs);
  stages.postprocess.observe(finishedAt - startedAt - before - queueMs - computeMs);
}

class Buckets implements Histogram {
  readonly bounds = BOUNDS;
  readonly counts = new Float64Array(BOUNDS.length + 1);
  sum = 0;
  observed = 0;

  observe(milliseconds: number): void {
    const seconds = Math.max(0, milliseconds / 1000);
    let index = 0;
    while (index < BOUNDS.length && seconds > (BOUNDS[index] as number)) index++;
    this.counts[index] = (this.counts[index] as number) + 1;
    this.sum += seconds;
    this.observed++;
  }
}
