import { z } from "zod";
import {
  generateAnswer,
  generateRequest,
  inferAnswer,
  inferRequest,
  loadRequest,
  logChange,
  logSettings,
  methodMetadata,
  modelConfiguration,
  modelMetadata,
  region,
  registration,
  repositoryIndex,
  serverMetadata,
  statistics,
  traceChange,
  traceSetting,
} from "./oip-schemas.ts";
import { at, json, named, type Operation, type Operations, ofModel, type Protocol, question, request } from "./operation.ts";
import { flag, modelList, notReady, object, plainError, readiness, text } from "./wire.ts";

const models = (suffix: string): readonly string[] => ofModel("/v2/models", suffix);

/** Under Triton's profile these have no body, and 400 for what is not ready. */
const health: Operations = {
  "GET /v2/health/live": question("The server lives", named("Live", z.object({ live: flag }))),
  "GET /v2/health/ready": {
    ...question("Every model has been tried and one answers", named("Ready", z.object({ ready: flag }))),
    answers: { 200: json(z.object({ ready: flag })), 503: json(z.object({ ready: flag })) },
  },
  ...at("GET", models("/ready"), {
    ...question("Whether a model is ready", readiness),
    answers: { 200: json(readiness), 503: json(notReady) },
  }),
};

const infer: Operation = {
  summary: "One inference",
  body: { required: true, contents: { ...json(inferRequest), "application/octet-stream": undefined } },
  answers: { 200: { ...json(inferAnswer), "application/octet-stream": undefined, "text/event-stream": undefined } },
};

const inference: Operations = {
  ...at("POST", [...models("/infer"), ...models("/methods/{method}/infer")], infer),
  ...at("POST", models("/generate"), request("Tensors and parameters by their names", generateRequest, generateAnswer)),
  ...at(
    "POST",
    models("/generate_stream"),
    request("The same with a stream of answers", generateRequest, generateAnswer, { answers: { 200: { "text/event-stream": undefined } } }),
  ),
};

const settings: Operations = {
  ...at("GET", models("/config"), question("Triton's ModelConfig", modelConfiguration)),
  ...at("GET", ["/v2/models/stats", ...models("/stats")], question("Counters and times", statistics)),
  "GET /v2/logging": question("What is logged", logSettings),
  "POST /v2/logging": request("Change what is logged", logChange, logSettings),
  ...at("GET", ["/v2/trace/setting", "/v2/models/{model}/trace/setting"], question("What is traced", traceSetting)),
  ...at("POST", ["/v2/trace/setting", "/v2/models/{model}/trace/setting"], request("Change what is traced", traceChange, traceSetting)),
};

const optional = (schema: z.ZodType): NonNullable<Operation["body"]> => ({ required: false, contents: json(schema) });

const loaded = named("Loaded", z.object({ name: text, load: z.literal(true) }));
const unloaded = named("Unloaded", z.object({ name: text, unload: z.literal(true) }));
const indexed = request("Every version of every model", z.object({ ready: flag.optional() }), repositoryIndex);
const unload = request("Unload a model", z.object({ parameters: object.optional() }), unloaded);
const refused: Operation = { summary: "Refused: repositories have no names", answers: {} };

const repository: Operations = {
  ...at("POST", ["/v2/repository/index", "/v2/repository/{repository}/index"], {
    ...indexed,
    body: optional(z.object({ ready: flag.optional() })),
  }),
  ...at("GET", ["/v2/repository/models"], question("Every version that is ready", repositoryIndex)),
  ...at("POST", ofModel("/v2/repository/models", "/load"), {
    ...request("Load a model, or load it again", loadRequest, loaded),
    body: optional(loadRequest),
  }),
  ...at("POST", ofModel("/v2/repository/models", "/unload"), { ...unload, body: optional(z.object({ parameters: object.optional() })) }),
  ...at("POST", ["/v2/repository/{repository}/models/{model}/load", "/v2/repository/{repository}/models/{model}/unload"], refused),
};

const regionPaths = (kind: string, action: string): readonly string[] => [
  `/v2/${kind}sharedmemory/${action}`,
  `/v2/${kind}sharedmemory/region/{region}/${action}`,
];
const noBody = { 200: {} } as const;
const memory: Operations = {
  ...at("GET", regionPaths("system", "status"), question("Regions of whoever asks", z.array(region))),
  ...at("POST", regionPaths("system", "register"), { ...request("Register a region", registration, region), answers: noBody }),
  ...at("POST", regionPaths("system", "unregister"), { summary: "Unregister one region or all", answers: noBody }),
  ...at("GET", regionPaths("cuda", "status"), question("Always empty", z.array(z.never()))),
  ...at("POST", regionPaths("cuda", "register"), { summary: "Refused: the server process has no CUDA device", answers: {} }),
  ...at("POST", regionPaths("cuda", "unregister"), { summary: "Does nothing, as there are none", answers: noBody }),
};

export const oip: Protocol = {
  tag: "Open Inference Protocol and Triton's extensions",
  error: plainError,
  operations: {
    "GET /v2": question("Name, version and extensions of the server", serverMetadata),
    "GET /v2/models": question("Names of all models", modelList),
    ...at("GET", models(""), question("Versions, inputs and outputs of a model", modelMetadata)),
    ...at("GET", models("/methods/{method}"), question("Inputs and outputs of one method", methodMetadata)),
    ...health,
    ...inference,
    ...settings,
    ...repository,
    ...memory,
  },
};
