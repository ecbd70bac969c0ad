import { type SpanContext, TraceFlags, type Tracer } from "@opentelemetry/api";
import { type IdGenerator, RandomIdGenerator, type Sampler, SamplingDecision } from "@opentelemetry/sdk-trace";
import type { BatchRecord } from "../core/batch.ts";
import type { RequestRecord } from "../core/context.ts";

interface Shared {
  readonly context: SpanContext;
  readonly name: string;
  /** Of requests that are traced. */
  readonly members: SpanContext[];
  /** Requests that have ended. */
  ended: number;
}

/** Batches of which not all requests have ended; beyond it the oldest is written as it is. */
const MAX_OPEN = 1024;

/**
 * A call that several requests shared is a trace of its own: its span links those of them that are traced, and they link it. It is
 * known to the first of them, before it is written: its identity is chosen here.
 */
export class BatchSpans {
  readonly #open = new Map<BatchRecord, Shared>();
  readonly #random = new RandomIdGenerator();
  #next: SpanContext | undefined;

  /** For the tracer: the identity that was promised, or a new one. */
  readonly ids: IdGenerator = {
    generateTraceId: () => this.#next?.traceId ?? this.#random.generateTraceId(),
    generateSpanId: () => this.#next?.spanId ?? this.#random.generateSpanId(),
  };

  /** For the tracer: a batch of which one request is traced is traced itself. */
  sampler(requests: Sampler): Sampler {
    return {
      shouldSample: (...about) =>
        this.#next === undefined ? requests.shouldSample(...about) : { decision: SamplingDecision.RECORD_AND_SAMPLED },
      toString: () => requests.toString(),
    };
  }

  /** The span of the request's batch; undefined when it was alone. */
  contextOf({ batch, model }: RequestRecord): SpanContext | undefined {
    if (batch === undefined) return undefined;
    let shared = this.#open.get(batch);
    if (shared === undefined) {
      const context = {
        traceId: this.#random.generateTraceId(),
        spanId: this.#random.generateSpanId(),
        traceFlags: TraceFlags.SAMPLED,
      };
      shared = { context, name: `batch ${model}`, members: [], ended: 0 };
      this.#open.set(batch, shared);
    }
    return shared.context;
  }

  /** The request has ended, with this span when it is traced. */
  ended({ batch }: RequestRecord, member: SpanContext | undefined, tracer: Tracer, epoch: number): void {
    const shared = batch === undefined ? undefined : this.#open.get(batch);
    if (batch === undefined || shared === undefined) return;
    if (member !== undefined) shared.members.push(member);
    shared.ended++;
    if (shared.ended >= batch.size) this.#write(batch, shared, tracer, epoch);
    else if (this.#open.size > MAX_OPEN) {
      const [oldest] = this.#open;
      if (oldest !== undefined) this.#write(...oldest, tracer, epoch);
    }
  }

  /** Writes those of which not all requests have ended. */
  flush(tracer: Tracer, epoch: number): void {
    for (const [batch, shared] of this.#open) this.#write(batch, shared, tracer, epoch);
  }

  #write(batch: BatchRecord, { context, name, members }: Shared, tracer: Tracer, epoch: number): void {
    this.#open.delete(batch);
    if (members.length === 0) return;
    const attributes = {
      "nitrous.batch.size": batch.size,
      "nitrous.batch.rows": batch.rows,
      "nitrous.batch.cut": batch.cut,
      "nitrous.inline": batch.inline,
    };
    const links = members.map((member) => ({ context: member }));
    const startTime = epoch + batch.startedAt;
    this.#next = context;
    const span = tracer.startSpan(name, { root: true, startTime, attributes, links });
    this.#next = undefined;
    span.end(startTime + batch.computeMs);
  }
}
