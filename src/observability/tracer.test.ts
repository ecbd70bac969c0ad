import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { type OtlpReceiver, type OtlpSpan, startOtlpReceiver, valuesOf } from "../../test/otlp-receiver.ts";
import type { BatchRecord } from "../core/batch.ts";
import { createRecord, RequestContext, type RequestRecord } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import { openTracer, type RequestTracer } from "./tracer.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

let receiver: OtlpReceiver;
let notices: string[];

beforeEach(async () => {
  // The clock of these tests stands still, so the time of day does too.
  vi.useFakeTimers({ toFake: ["Date"] });
  receiver = await startOtlpReceiver();
  notices = [];
});

afterEach(async () => {
  vi.useRealTimers();
  await receiver.close();
});

function open(environment: Readonly<Record<string, string>> = {}, endpoint = receiver.url): RequestTracer {
  return openTracer({ endpoint, environment, clock: new FakeClock(), version: "1.2.3", onNotice: (text) => notices.push(text) });
}

function exchange(record: Partial<RequestRecord> = {}, rest: Partial<Exchange> = {}): Exchange {
  const model = { namespace: "default", version: "1", queuedAt: 1, queueMs: 2, computeMs: 4, batchSize: 1, finishedAt: 8 };
  const context = new RequestContext({ deadline: 1e9, record: { ...createRecord("oip", "iris", 0), ...model, ...record } });
  const path = "/v2/models/iris/infer?token=secret";
  return { context, method: "POST", path, route: "/v2/models/{model}/infer", headers: {}, body: undefined, status: 200, ...rest };
}

/** What the receiver has got of these, when the tracer is closed. */
async function sent(tracer: RequestTracer, ...exchanges: readonly Exchange[]): Promise<readonly OtlpSpan[]> {
  for (const each of exchanges) tracer.trace(each);
  await tracer.close();
  return receiver.spans;
}

function madeBy({ families }: RequestTracer): number | undefined {
  return [...(families[0]?.samples() ?? [])][0]?.value;
}

function named(spans: readonly OtlpSpan[], name: string): OtlpSpan {
  const found = spans.filter((span) => span.name === name);
  expect(found).toHaveLength(1);
  return found[0] as OtlpSpan;
}

/** Milliseconds from the start of the first to start and end of the second. */
function within(server: OtlpSpan, { startTimeUnixNano, endTimeUnixNano }: OtlpSpan): number[] {
  return [startTimeUnixNano, endTimeUnixNano].map((time) => Number(BigInt(time) - BigInt(server.startTimeUnixNano)) / 1e6);
}

const SERVER = "POST /v2/models/{model}/infer";

describe("a trace", () => {
  it("has a server span below the caller's, and below it the time in the queue and in the model", async () => {
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "vendor=1", "user-agent": "test" };
    const spans = await sent(open(), exchange({}, { headers, body: new Uint8Array(3) }));
    const server = named(spans, SERVER);
    expect(server).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, traceState: "vendor=1", kind: 2 });
    expect(valuesOf(server.attributes)).toEqual({
      "http.request.method": "POST",
      "http.route": "/v2/models/{model}/infer",
      "http.request.body.size": 3,
      "http.response.status_code": 200,
      "url.path": "/v2/models/iris/infer",
      "user_agent.original": "test",
      "nitrous.protocol": "oip",
      "nitrous.namespace": "default",
      "nitrous.model": "iris",
      "nitrous.version": "1",
    });
    for (const [name, times] of [
      ["queue", [1, 3]],
      ["compute", [3, 7]],
    ] as const) {
      const span = named(spans, name);
      expect(span).toMatchObject({ traceId: TRACE, parentSpanId: server.spanId });
      expect(within(server, span).map(Math.round)).toEqual(times);
    }
    expect(Math.round(within(server, server)[1] ?? 0)).toBe(8);
    expect(Math.abs(Number(server.startTimeUnixNano) / 1e6 - Date.now())).toBeLessThan(60_000);
    expect(receiver.resource).toMatchObject({ "service.name": "nitrous", "service.version": "1.2.3" });
    expect(JSON.stringify(spans)).not.toContain("secret");
  });

  it("of requests that shared a call has a span for that, which links them, and which they link", async () => {
    const batch: BatchRecord = { size: 3, rows: 9, startedAt: 3, cut: "rows", inline: false, computeMs: 4 };
    const tracer = open();
    // One of the three was cancelled by a client that does not want to be traced.
    const untraced = { headers: { traceparent: `00-${TRACE}-${PARENT}-00` } };
    const all = [exchange({ batch, batchSize: 3 }), exchange({ batch, batchSize: 3 }, untraced), exchange({ batch, batchSize: 3 })];
    for (const each of all) tracer.trace(each);
    // Three for each of the two, and that of the batch, which does not wait for the end.
    expect(madeBy(tracer)).toBe(7);
    const spans = await sent(tracer);
    const shared = named(spans, "batch iris");
    const servers = spans.filter(({ name }) => name === SERVER);
    expect(servers).toHaveLength(2);
    expect(shared.links?.map(({ spanId }) => spanId)).toEqual(servers.map(({ spanId }) => spanId));
    const computes = spans.filter(({ name }) => name === "compute");
    expect(computes.map(({ links }) => links?.map(({ traceId, spanId }) => [traceId, spanId]))).toEqual(
      computes.map(() => [[shared.traceId, shared.spanId]]),
    );
    expect(shared.parentSpanId ?? "").toBe("");
    expect(valuesOf(shared.attributes)).toMatchObject({ "nitrous.batch.size": 3, "nitrous.batch.rows": 9, "nitrous.batch.cut": "rows" });
    expect(within(servers[0] as OtlpSpan, shared).map(Math.round)).toEqual([3, 7]);
  });

  it("of a call whose other requests never end is sent at the end of the server, and not of one that nobody traces", async () => {
    const batch: BatchRecord = { size: 2, rows: 2, startedAt: 3, cut: "drained", inline: false, computeMs: 4 };
    const tracer = open({ OTEL_TRACES_SAMPLER_ARG: "0" });
    const traced = { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } };
    tracer.trace(exchange({ batch, batchSize: 2 }, traced));
    tracer.trace(exchange({ batch: { ...batch }, batchSize: 2 }));
    expect(madeBy(tracer)).toBe(3);
    expect(named(await sent(tracer), "batch iris").links).toHaveLength(1);
  });

  it("names what the server decided", async () => {
    const refused = exchange(
      { queuedAt: 0, computeMs: 0, batchSize: 0, outcome: "RESOURCE_EXHAUSTED", refusal: "queue_full" },
      { status: 429 },
    );
    const expired = exchange({ computeMs: 0, batchSize: 0, outcome: "DEADLINE_EXCEEDED", stage: "queued" }, { status: 504 });
    const troubled = exchange({ retries: 1, hedge: "won" });
    const gone = exchange({ outcome: "CANCELLED", stage: "running" }, { status: undefined });
    const spans = await sent(open(), refused, expired, troubled, gone);
    const told = spans
      .filter(({ name }) => name === SERVER)
      .map(({ events = [], attributes, status }) => [
        events.map(({ name, attributes }) => [name, ...Object.values(valuesOf(attributes))]),
        valuesOf(attributes)["error.type"],
        status.code ?? 0,
      ]);
    expect(told).toEqual([
      [[["refused", "queue_full"]], "RESOURCE_EXHAUSTED", 0],
      [[["expired", "queued"]], "DEADLINE_EXCEEDED", 2],
      [
        [
          ["retried", 1],
          ["hedged", "won"],
        ],
        undefined,
        0,
      ],
      [[["cancelled", "running"]], "CANCELLED", 0],
    ]);
    const waits = spans.filter(({ name }) => name === "queue").map((span) => Math.round(within(span, span)[1] ?? 0));
    expect(waits).toEqual([7, 2, 2]);
  });

  it("is made of the share that the environment names, unless the caller has decided", async () => {
    const traced = { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } };
    const spans = await sent(open({ OTEL_TRACES_SAMPLER_ARG: "0" }), exchange(), exchange({}, traced), exchange());
    expect(spans.map(({ traceId }) => traceId)).toEqual([TRACE, TRACE, TRACE]);
  });

  it.each([{ OTEL_TRACES_SAMPLER: "sometimes" }, { OTEL_TRACES_SAMPLER_ARG: "2" }])("is not begun with %o", (environment) => {
    expect(() => open(environment)).toThrow(/OTEL_TRACES_SAMPLER.* is .*; expected/);
  });
});

describe("a receiver of traces", () => {
  it("that takes nothing is told of once, and what is lost is counted", async () => {
    await receiver.close();
    receiver = await startOtlpReceiver(400);
    const tracer = open();
    for (let count = 0; count < 300; count++) tracer.trace(exchange());
    await tracer.close();
    const values = tracer.families.map((family) => [...family.samples()].map(({ value }) => value));
    expect(values).toEqual([[900], [0]]);
    expect(notices).toEqual([expect.stringMatching(/^\d+ spans of traces could not be sent/)]);
  });
});
