import type { Histogram } from "../core/statistics.ts";
import { escapeLabel } from "./exposition.ts";

export type Labels = Readonly<Record<string, string>>;

/** One family of the page: a value for each set of labels. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  samples(): Iterable<{ readonly suffix?: string; readonly labels: Labels; readonly value: number }>;
}

/** A counter without labels. */
export function counterFamily(name: string, help: string, value: () => number): Family {
  return { name, help, type: "counter", samples: () => [{ labels: {}, value: value() }] };
}

/** The samples of one histogram: cumulative buckets, sum and count. */
export function* histogramSamples(
  { bounds, counts, sum }: Histogram,
  labels: Labels,
): Generator<{ suffix: string; labels: Labels; value: number }> {
  let total = 0;
  for (const [index, bound] of bounds.entries()) {
    total += counts[index] ?? 0;
    yield { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: total };
  }
  total += counts[bounds.length] ?? 0;
  yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: total };
  yield { suffix: "_sum", labels, value: sum };
  yield { suffix: "_count", labels, value: total };
}

/** One family in Prometheus' text format. */
export function renderFamily(family: Family): string {
  const lines = [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`];
  for (const { suffix = "", labels, value } of family.samples()) {
    const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`);
    lines.push(`${family.name}${suffix}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`);
  }
  return lines.join("\n");
}
