import { setTimeout as delay } from "node:timers/promises";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Clock } from "../core/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import { BatchSpans } from "./batch-spans.ts";
import { counterFamily, type Family } from "./families.ts";
import { traceRequest } from "./request-spans.ts";
import { samplerOf } from "./sampler.ts";

export interface TracerOptions {
  /** Address of an OTLP/HTTP receiver; without it, the one in the environment. */
  readonly endpoint: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
  readonly onNotice: (text: string) => void;
}

export interface RequestTracer {
  readonly trace: (exchange: Exchange) => void;
  readonly families: readonly Family[];
  /** Sends what has not been sent yet, if the receiver answers soon. */
  close(): Promise<void>;
}

/** Making JSON of more would keep requests waiting for longer than a few milliseconds. */
const SPANS_PER_EXPORT = 128;
const MAX_WAITING_SPANS = 8192;
const EXPORT_EVERY_MS = 1000;
const CLOSE_WITHIN_MS = 2000;
/** Between the notice of one failure and the next. */
const NOTICE_EVERY_MS = 60_000;
/** The system's clock is stepped and slewed; the difference to ours is taken again when it has become this large. */
const MAX_DRIFT_MS = 5;

/** Sends a trace of every sampled request to an OpenTelemetry receiver. @throws Error for settings that cannot be followed */
export function openTracer({ endpoint, environment, clock, version, onNotice }: TracerOptions): RequestTracer {
  const batches = new BatchSpans();
  const counts = { made: 0, sent: 0 };
  const exporter = new OTLPTraceExporter(endpoint === undefined ? {} : { url: `${endpoint.replace(/\/+$/, "")}/v1/traces` });
  const counter: SpanProcessor = {
    onStart: () => void counts.made++,
    onEnd: () => undefined,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const sender = new BatchSpanProcessor({
    exporter: counting(exporter, counts, seldom(clock, onNotice)),
    maxExportBatchSize: SPANS_PER_EXPORT,
    maxQueueSize: MAX_WAITING_SPANS,
    scheduledDelayMillis: EXPORT_EVERY_MS,
  });
  const provider = new TracerProvider({
    sampler: batches.sampler(samplerOf(environment)),
    idGenerator: batches.ids,
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "nitrous", "service.version": version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [counter, sender],
  });
  const tracer = provider.getTracer("nitrous", version);
  let epoch = Date.now() - clock.now();
  const currentEpoch = (): number => {
    const fresh = Date.now() - clock.now();
    if (Math.abs(fresh - epoch) > MAX_DRIFT_MS) epoch = fresh;
    return epoch;
  };
  return {
    trace(exchange) {
      const { record } = exchange.context;
      const now = currentEpoch();
      const member = traceRequest(tracer, exchange, now, batches.contextOf(record));
      batches.ended(record, member, tracer, now);
    },
    families: [
      counterFamily("nitrous_trace_spans_total", "Spans that were made for the receiver of traces.", () => counts.made),
      counterFamily("nitrous_trace_spans_sent_total", "Spans that the receiver of traces has taken.", () => counts.sent),
    ],
    async close() {
      batches.flush(tracer, currentEpoch());
      const patience = new AbortController();
      const enough = delay(CLOSE_WITHIN_MS, undefined, { signal: patience.signal }).catch(() => undefined);
      await Promise.race([provider.shutdown().catch(() => undefined), enough]);
      patience.abort();
    },
  };
}

/** Counts what was taken, and tells of what was not. */
function counting(exporter: SpanExporter, counts: { sent: number }, onNotice: (text: string) => void): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === 0) counts.sent += spans.length;
        else onNotice(`${spans.length} spans of traces could not be sent: ${result.error?.message ?? "the receiver did not say why"}`);
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/** Says no more than one thing a minute: a receiver that is away fails every second. */
function seldom(clock: Clock, say: (text: string) => void): (text: string) => void {
  let next = Number.NEGATIVE_INFINITY;
  return (text) => {
    const now = clock.now();
    if (now < next) return;
    next = now + NOTICE_EVERY_MS;
    say(text);
  };
}
