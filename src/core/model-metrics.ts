export const MODEL_METRIC_KINDS = ["counter", "gauge", "histogram"] as const;
export const MODEL_METRIC_ACTIONS = ["declare", "increment", "set", "observe"] as const;

/** What a model's own code does to one of its metrics. */
export interface ModelMetricChange {
  /** Of the family, in Prometheus' characters. */
  readonly name: string;
  readonly help: string;
  readonly kind: (typeof MODEL_METRIC_KINDS)[number];
  readonly labels: Readonly<Record<string, string>>;
  /** Ascending upper bounds; only of a histogram. */
  readonly buckets?: readonly number[];
  /** "declare" only makes it appear. */
  readonly action: (typeof MODEL_METRIC_ACTIONS)[number];
  readonly value: number;
}
