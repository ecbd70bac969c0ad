import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { queueTime, type RequestRecord } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import { parseTraceParent } from "./trace-context.ts";

/**
 * The server span of a request that has ended and, below it, the spans of its parts, all made afterwards from the times in its record.
 * Undefined when the request is not sampled. `epoch` is what makes a Unix time of the clock's milliseconds; `batch` is the call that the
 * request shared.
 */
export function traceRequest(tracer: Tracer, exchange: Exchange, epoch: number, batch: SpanContext | undefined): SpanContext | undefined {
  const { record } = exchange.context;
  const span = tracer.startSpan(
    `${exchange.method} ${exchange.route}`,
    { kind: SpanKind.SERVER, startTime: epoch + record.startedAt },
    parentOf(exchange),
  );
  if (!span.isRecording()) return undefined;
  span.setAttributes(attributesOf(exchange));
  if (exchange.status !== undefined && exchange.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  addDecisions(span, record, epoch);
  const within = trace.setSpan(ROOT_CONTEXT, span);
  if (record.queuedAt > 0) {
    const left = record.queuedAt + queueTime(record, record.finishedAt);
    tracer.startSpan("queue", { startTime: epoch + record.queuedAt }, within).end(epoch + left);
  }
  if (record.computeMs > 0) {
    const start = epoch + (record.queuedAt > 0 ? record.queuedAt + record.queueMs : record.finishedAt - record.computeMs);
    const attributes = { "nitrous.inline": record.inline, "nitrous.batch.size": record.batchSize };
    const links = batch === undefined ? [] : [{ context: batch }];
    tracer.startSpan("compute", { startTime: start, attributes, links }, within).end(start + record.computeMs);
  }
  span.end(epoch + record.finishedAt);
  return span.spanContext();
}

function parentOf({ headers }: Exchange): Context {
  const parent = parseTraceParent(headers.traceparent);
  if (parent === undefined) return ROOT_CONTEXT;
  const { tracestate } = headers;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(typeof tracestate === "string" ? { traceState: createTraceState(tracestate) } : {}),
  });
}

/** OpenTelemetry's conventions for HTTP servers, without the query, which may hold anything. */
function attributesOf({ context, method, path, route, headers, status, body }: Exchange): Attributes {
  const { record } = context;
  const mark = path.indexOf("?");
  return {
    "http.request.method": method,
    "http.route": route,
    "url.path": mark < 0 ? path : path.slice(0, mark),
    ...(status === undefined ? {} : { "http.response.status_code": status }),
    ...(body === undefined ? {} : { "http.request.body.size": body.byteLength }),
    ...(typeof headers["user-agent"] === "string" ? { "user_agent.original": headers["user-agent"] } : {}),
    ...(record.outcome === "OK" ? {} : { "error.type": record.outcome }),
    "nitrous.protocol": record.protocol,
    "nitrous.namespace": record.namespace,
    "nitrous.model": record.model,
    "nitrous.version": record.version,
    ...(context.priority === undefined ? {} : { "nitrous.priority": context.priority }),
  };
}

/** What the server decided about the request. When is not known of all of them: these are at its end. */
function addDecisions(span: Span, { refusal, outcome, stage, retries, hedge, finishedAt }: RequestRecord, epoch: number): void {
  const at = epoch + finishedAt;
  if (retries > 0) span.addEvent("retried", { "nitrous.retries": retries }, at);
  if (hedge !== "none") span.addEvent("hedged", { "nitrous.hedge": hedge }, at);
  if (refusal !== undefined) span.addEvent("refused", { "nitrous.reason": refusal }, at);
  else if (outcome === "CANCELLED") span.addEvent("cancelled", { "nitrous.stage": stage }, at);
  else if (outcome === "DEADLINE_EXCEEDED") span.addEvent("expired", { "nitrous.stage": stage }, at);
}
