import type { Events } from "../core/events.ts";
import type { ModelMetricChange } from "../core/model-metrics.ts";
import { type Family, histogramSamples, type Labels } from "./families.ts";

/** Series of all models together, as a model's code may make one of each request. */
const MOST_SERIES = 10_000;

interface Series {
  readonly labels: Labels;
  value: number;
  /** Of a histogram: observations by bucket, and above all of them. */
  readonly counts: Float64Array;
}

interface CustomFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: Family["type"];
  readonly bounds: readonly number[];
  /** Processes that have it. It goes with the last one. */
  readonly owners: Set<object>;
  readonly series: Map<string, Series>;
}

/**
 * Metrics that models count for themselves (Triton's MetricFamily), under the names and labels that they say. What several processes
 * count under one name is counted together; the first description of a name holds, and another kind of the same name is ignored.
 */
export function customFamilies(events: Events): () => Family[] {
  const families = new Map<string, CustomFamily>();
  let total = 0;
  events.on("model-metric", ({ owner, change }) => {
    const { name, help, kind, labels, buckets = [] } = change;
    let family = families.get(name);
    if (family === undefined) {
      family = { name, help, kind, bounds: buckets, owners: new Set(), series: new Map() };
      families.set(name, family);
    }
    if (family.kind !== kind) return;
    family.owners.add(owner);
    const key = JSON.stringify(Object.entries(labels).sort());
    let series = family.series.get(key);
    if (series === undefined) {
      if (total === MOST_SERIES) return;
      total++;
      series = { labels, value: 0, counts: new Float64Array(family.bounds.length + 1) };
      family.series.set(key, series);
    }
    apply(series, family.bounds, change);
  });
  events.on("model-metrics-ended", ({ owner }) => {
    for (const family of families.values()) {
      if (!family.owners.delete(owner) || family.owners.size > 0) continue;
      families.delete(family.name);
      total -= family.series.size;
    }
  });
  return () => [...families.values()].map(familyOf);
}

function apply(series: Series, bounds: readonly number[], { action, value }: ModelMetricChange): void {
  if (action === "declare") return;
  series.value = action === "set" ? value : series.value + value;
  if (action !== "observe") return;
  const found = bounds.findIndex((bound) => value <= bound);
  const index = found < 0 ? bounds.length : found;
  series.counts[index] = (series.counts[index] ?? 0) + 1;
}

function familyOf({ name, help, kind, bounds, series }: CustomFamily): Family {
  return {
    name,
    // Of one line, as the format wants it.
    help: help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"),
    type: kind,
    *samples() {
      for (const { labels, value, counts } of series.values()) {
        if (kind === "histogram") yield* histogramSamples({ bounds, counts, sum: value }, labels);
        else yield { labels, value };
      }
    },
  };
}
