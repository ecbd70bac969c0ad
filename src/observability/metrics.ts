import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { ControlPlane } from "../core/planes.ts";
import type { Histogram, Statistics } from "../core/statistics.ts";

export interface MetricsOptions {
  readonly statistics: Statistics;
  readonly controlPlane: ControlPlane;
  readonly version: string;
}

export interface Metrics {
  /** The page in Prometheus' text format. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

const LAG_RESOLUTION_MS = 10;

type Labels = Readonly<Record<string, string>>;

/** One family of the page: a value for each set of labels. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  samples(): Iterable<{ readonly suffix?: string; readonly labels: Labels; readonly value: number }>;
}

/** Everything under /metrics: our own families, read from the statistics at the moment of the scrape, and the process's. */
export function createMetrics({ statistics, controlPlane, version }: MetricsOptions): Metrics {
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
  const families = [...requestFamilies(statistics), ...modelFamilies(controlPlane), ...serverFamilies(version, lag)];
  return {
    async render() {
      return { contentType: registry.contentType, body: `${families.map(renderFamily).join("\n")}\n${await registry.metrics()}` };
    },
  };
}

function requestFamilies(statistics: Statistics): Family[] {
  const durations = (name: string, help: string, pick: "duration" | "queue" | "compute"): Family => ({
    name,
    help,
    type: "histogram",
    *samples() {
      for (const child of statistics.requests()) {
        yield* histogramSamples(child[pick], {
          namespace: child.namespace,
          model: child.model,
          version: child.version,
          protocol: child.protocol,
        });
      }
    },
  });
  return [
    {
      name: "nitrous_requests_total",
      help: "Inference requests by model, version, protocol and status code.",
      type: "counter",
      *samples() {
        for (const { namespace, model, version, protocol, outcomes } of statistics.requests()) {
          for (const [code, value] of outcomes) yield { labels: { namespace, model, version, protocol, code }, value };
        }
      },
    },
    {
      name: "nitrous_requests_cancelled_total",
      help: "Inference requests whose clients went away, by how far they had come: reading, loading, queued, running, answering.",
      type: "counter",
      *samples() {
        for (const { namespace, model, version, protocol, cancelled } of statistics.requests()) {
          for (const [stage, value] of cancelled) yield { labels: { namespace, model, version, protocol, stage }, value };
        }
      },
    },
    {
      name: "nitrous_requests_in_flight",
      help: "Inference requests that have arrived and not been answered.",
      type: "gauge",
      samples: () => [{ labels: {}, value: statistics.inFlight }],
    },
    durations("nitrous_request_duration_seconds", "Time from the request's head to its answer.", "duration"),
    durations("nitrous_queue_duration_seconds", "Time that a request waited for a replica.", "queue"),
    durations("nitrous_compute_duration_seconds", "Time that the model worked on the request's batch.", "compute"),
    {
      name: "nitrous_batch_size",
      help: "Requests that shared one call of the model.",
      type: "histogram",
      *samples() {
        for (const { namespace, model, version, sizes } of statistics.batchSizes())
          yield* histogramSamples(sizes, { namespace, model, version });
      },
    },
  ];
}

function modelFamilies(controlPlane: ControlPlane): Family[] {
  return [
    {
      name: "nitrous_models",
      help: "Model versions by state.",
      type: "gauge",
      *samples() {
        const counts = new Map<string, number>();
        for (const { state } of controlPlane.list()) counts.set(state, (counts.get(state) ?? 0) + 1);
        for (const [state, value] of counts) yield { labels: { state }, value };
      },
    },
    {
      name: "nitrous_host_exits_total",
      help: "Host processes that ended, or were ended, while a model version was served from them.",
      type: "counter",
      *samples() {
        for (const { namespace, name, version, hostExits } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: hostExits };
      },
    },
    {
      name: "nitrous_quarantined_requests",
      help: "Requests that a model version refuses because each was alone in its host at two deaths of it.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, quarantined } of controlPlane.list())
          if (quarantined > 0) yield { labels: { namespace, model: name, version }, value: quarantined };
      },
    },
    {
      name: "nitrous_host_memory_bytes",
      help: "Resident memory of each host process, shared pages counted proportionally, measured every few seconds.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, memoryBytes, hostPid } of controlPlane.list()) {
          if (hostPid !== undefined) yield { labels: { namespace, model: name, version, pid: String(hostPid) }, value: memoryBytes };
        }
      },
    },
  ];
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

function* histogramSamples(
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

function renderFamily(family: Family): string {
  const lines = [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`];
  for (const { suffix = "", labels, value } of family.samples()) {
    const pairs = Object.entries(labels).map(([name, text]) => `${name}="${escapeLabel(text)}"`);
    lines.push(`${family.name}${suffix}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`);
  }
  return lines.join("\n");
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
