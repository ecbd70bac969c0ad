/** What one server of a model's own told of its metrics when it was asked. */
export interface ScrapedMetrics {
  /** Which server: `namespace`, `model` unless it holds several, `runtime` and `replica`. */
  readonly labels: Readonly<Record<string, string>>;
  /** In Prometheus' text format, as far as it is; undefined when it did not answer with any. */
  readonly text: string | undefined;
  /** That it took to answer, or to fail. */
  readonly seconds: number;
}
