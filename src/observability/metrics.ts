import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { ScrapedMetrics } from "../core/scraped-metrics.ts";
import type { Statistics } from "../core/statistics.ts";
import { type Family, renderFamily } from "./families.ts";
import { modelFamilies } from "./model-families.ts";
import { requestFamilies } from "./request-families.ts";
import { withUpstreamMetrics } from "./upstream-families.ts";

export interface MetricsOptions {
  readonly statistics: Statistics;
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly version: string;
  /** What other parts of observability count. */
  readonly others?: readonly Family[];
  /** What models count for themselves, at the moment of the scrape. Names that this server has are left out. */
  readonly custom?: () => readonly Family[];
  /** What the servers of models tell. */
  readonly upstreams?: () => Promise<readonly ScrapedMetrics[]>;
}

export interface Metrics {
  /** The page in Prometheus' text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LAG_RESOLUTION_MS = 10;

/** Everything under /metrics: our own families, read from the statistics at the moment of the scrape, and the process's. */
export function createMetrics({ statistics, controlPlane, clock, version, others = [], custom, upstreams }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const delays = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delays.enable();
  const lag = (): number => {
    // What is measured is the time between two ticks of a timer, so an idle loop shows the timer's period.
    const seconds = delays.percentile(99) / 1e9 - LAG_RESOLUTION_MS / 1000;
    delays.reset();
    return Math.max(0, seconds);
  };
  const families = [...requestFamilies(statistics), ...modelFamilies(controlPlane, clock), ...others, ...serverFamilies(version, lag)];
  const own = new Set([...families.map(({ name }) => name), ...registry.getMetricsAsArray().map(({ name }) => name)]);
  return {
    async render() {
      // Asked first: they may take a moment, and what is our own is told as it is then.
      const scraped = (await upstreams?.()) ?? [];
      const shown = [...families, ...(custom?.() ?? []).filter(({ name }) => !own.has(name))];
      const page = `${shown.map(renderFamily).join("\n")}\n${await registry.metrics()}`;
      return { contentType: registry.contentType, body: withUpstreamMetrics(page, scraped) };
    },
  };
}

function serverFamilies(version: string, lag: () => number): Family[] {
  return [
    { name: "nitrous_build_info", help: "Version of the server.", type: "gauge", samples: () => [{ labels: { version }, value: 1 }] },
    {
      name: "nitrous_event_loop_lag_seconds",
      help: "99th percentile of the event loop's delay since the last scrape.",
      type: "gauge",
      samples: () => [{ labels: {}, value: lag() }],
    },
  ];
}
