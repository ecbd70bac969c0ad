import { MODEL_METRIC_ACTIONS, MODEL_METRIC_KINDS, type ModelMetricChange } from "../../core/model-metrics.ts";
import type { HostConnection } from "./connection.ts";

type Metadata = Parameters<Parameters<HostConnection["countWith"]>[0]>[0];

/** Text that a model may make a family or label of. */
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$/;

/** What a stats frame says; undefined when it is none that Prometheus could read. Hosts run models' code, so nothing of it is trusted. */
export function modelMetricChangeOf(meta: Metadata): ModelMetricChange | undefined {
  const { name, help, kind, labels, buckets, action, value } = meta;
  const known = MODEL_METRIC_KINDS.find((each) => each === kind);
  const done = MODEL_METRIC_ACTIONS.find((each) => each === action);
  if (typeof name !== "string" || !NAME.test(name) || known === undefined || done === undefined) return undefined;
  if (typeof help !== "string" || typeof value !== "number" || !isObject(labels)) return undefined;
  const texts: Record<string, string> = {};
  for (const [label, text] of Object.entries(labels)) {
    if (!NAME.test(label) || typeof text !== "string" || label === "le") return undefined;
    texts[label] = text;
  }
  if (known !== "histogram") return { name, help, kind: known, labels: texts, action: done, value };
  if (!Array.isArray(buckets) || buckets.length > 1000) return undefined;
  const bounds = buckets.map(Number);
  if (bounds.some((bound, index) => Number.isNaN(bound) || bound <= (bounds[index - 1] ?? Number.NEGATIVE_INFINITY))) return undefined;
  return { name, help, kind: known, labels: texts, buckets: bounds, action: done, value };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
