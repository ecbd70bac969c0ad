import { z } from "zod";
import type { ShadowReport } from "../core/shadow.ts";
import type { TopSnapshot } from "../core/top.ts";
import { at, json, named, type Operation, ofModel, type Protocol, question, request } from "./operation.ts";
import { anything, codedError, count, flag, object, plainError, replicas, signature, text } from "./wire.ts";

const measure = z.number().min(0);

const top = named(
  "Top",
  z.object({
    time: text,
    version: text,
    uptimeSeconds: measure,
    server: z.object({ cores: measure, eventLoopLagMs: measure, memoryBytes: count }),
    requests: z.object({ inFlight: count, perSecond: measure, failuresPerSecond: measure }),
    accounts: z.array(z.object({ name: text, reserved: measure, budget: measure.nullable() })),
    models: z.array(
      z.object({
        namespace: text,
        model: text,
        revision: text.optional(),
        traffic: measure,
        version: text,
        state: text,
        reason: text,
        replicas: z.object({ ready: count, wanted: count }),
        queued: count,
        memoryBytes: measure,
        requestsPerSecond: measure,
        failuresPerSecond: measure,
        meanBatchSize: measure.optional(),
        p50Ms: measure.optional(),
        p99Ms: measure.optional(),
      }),
    ),
  }),
) satisfies z.ZodType<Pick<TopSnapshot, "time" | "version" | "server" | "requests">>;

const shadow = named(
  "ShadowReport",
  z.object({
    namespace: text,
    model: text,
    shadow: text,
    percent: measure,
    tolerance: measure,
    results: z.object({ equal: count, close: count, values: count, shape: count, outputs: count, error: count }),
    dropped: z.object({ busy: count, size: count, not_ready: count, stream: count }),
    primaryMs: measure,
    shadowMs: measure,
    differing: z.array(
      z.object({
        time: text,
        request: text,
        result: z.enum(["equal", "close", "values", "shape", "outputs", "error"]),
        difference: text,
      }),
    ),
  }),
) satisfies z.ZodType<ShadowReport>;

const state = z.enum(["registered", "standby", "preparing", "loading", "ready", "draining", "failed"]);
const status = { id: text, namespace: text, name: text, version: text, revision: text.optional(), state, answers: flag, reason: text };

/** What is known of a model; more is told than what is named here. */
const model = named(
  "Model",
  z.looseObject({
    ...status,
    format: text,
    artefact: text,
    traffic: measure,
    latest: flag,
    memoryBytes: measure,
    devices: z.array(text),
    replicas,
    inline: flag,
    queued: count,
    methods: z.record(text, signature).optional(),
  }),
);
const changed = named("ChangedModel", z.object({ name: text, version: text, state, reason: text, memoryBytes: measure, replicas }));
const held = named(
  "HandleStatus",
  z.object({ ...status, memoryBytes: measure, queued: count, replicas, methods: z.record(text, signature).optional() }),
);

const ready = named("ServerReady", z.object({ ready: flag, models: z.partialRecord(state, count) }));

export const operations: Protocol = {
  tag: "Operations",
  error: plainError,
  operations: {
    "GET /health/live": question("The server lives", z.object({ live: z.literal(true) })),
    "GET /health/ready": {
      ...question("How many model versions are in each state", ready),
      answers: { 200: json(ready), 503: json(ready) },
    },
    "GET /openapi.json": question("This document", named("Document", z.looseObject({ openapi: text, info: object, paths: object }))),
    "GET /metrics": { summary: "Metrics", answers: { 200: { "text/plain": undefined, "application/openmetrics-text": undefined } } },
    "GET /nitrous/top": {
      summary: "What is going on now, once or again and again",
      query: { namespace: text, watch: flag, interval: z.number().min(0.5).max(3600) },
      answers: { 200: { ...json(top), "application/x-ndjson": undefined, "text/event-stream": undefined } },
    },
    "GET /nitrous/shadows": question("What became of copies of requests", z.array(shadow), { query: { namespace: text } }),
  },
};

const change = (summary: string): Operation => ({ summary, answers: { 200: json(changed) } });
const scale = z.object({ replicas: z.union([count, z.literal("auto")]) });

const callRequest = named(
  "HandleRequest",
  z.object({
    inputs: anything,
    outputs: z.array(text).optional(),
    parameters: z.record(text, z.union([text, z.number(), flag])).optional(),
  }),
);
const callAnswer = named("HandleAnswer", z.object({ model_name: text, model_version: text, value: anything }));
const call = (summary: string, answers: Operation["answers"]): Operation => ({
  summary,
  query: { method: text },
  body: { required: true, contents: { ...json(callRequest), "application/octet-stream": undefined } },
  answers,
});
const answered = { ...json(callAnswer), "application/octet-stream": undefined, "application/vnd.nitrous.stream": undefined };
const pending = named("PendingFuture", z.object({ id: text, done: z.literal(false), model_id: text.optional() }));

const of = (suffix: string): readonly string[] => ofModel("/nitrous/models", suffix);

export const models: Protocol = {
  tag: "Models and handles",
  error: codedError,
  operations: {
    ...at("GET", of(""), question("Everything that is known of a model", model)),
    ...at("POST", of("/load"), change("Load a model that stands by")),
    ...at("POST", of("/drain"), change("Finish what is under way, and answer nothing until the next load")),
    ...at("POST", of("/evict"), change("Unload a model until its next request")),
    ...at("POST", of("/scale"), request("Say how many replicas there are to be", scale, changed)),
    ...at("POST", of("/run"), call("A call of a handle", { 200: answered })),
    ...at("POST", of("/stream"), call("A call whose answers come one by one", { 200: answered })),
    ...at("POST", of("/submit"), call("A call that is answered later", { 202: json(pending) })),
    ...at("GET", of("/status"), question("How a handle's model is; loads nothing", held)),
    "GET /nitrous/futures/{id}": {
      summary: "The answer to a call that is answered later, or that there is none yet",
      query: { wait: z.int().min(0).max(999_999_999) },
      answers: { 200: answered, 202: json(pending) },
    },
    "DELETE /nitrous/futures/{id}": question("Give a call up", z.object({ id: text, cancelled: z.literal(true) })),
  },
};
