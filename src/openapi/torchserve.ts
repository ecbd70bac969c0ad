import { z } from "zod";
import { at, json, named, type Operation, type Protocol, question, streamed } from "./operation.ts";
import { anything, count, flag, text } from "./wire.ts";

const status = named("TorchServeStatus", z.object({ status: text }));
const error = named("TorchServeError", z.object({ code: z.int(), type: text, message: text }));
const description = named(
  "TorchServeModel",
  z.object({
    modelName: text,
    modelVersion: text,
    modelUrl: text,
    engine: text,
    runtime: text,
    minWorkers: count,
    maxWorkers: count,
    workers: z.array(z.object({ id: text, status: text, memoryUsage: count, pid: count, gpu: flag })),
    jobQueueStatus: z.object({ pendingRequests: count }),
    reason: text.optional(),
    customizedMetadata: text.optional(),
  }),
);
const list = named(
  "TorchServeModels",
  z.object({ nextPageToken: text.optional(), models: z.array(z.object({ modelName: text, modelUrl: text })) }),
);

const both = (path: string): readonly string[] => [path, `${path}/{version}`];
const whole = z.int().min(0);

/** The handler of an archive says what it answers, with which status and as what. */
const inference: Operation = {
  summary: "What the handler of an archive answers",
  body: { required: true, contents: { ...json(anything), "application/octet-stream": undefined, "multipart/form-data": undefined } },
  answers: { 200: { ...streamed(anything), "*/*": undefined } },
};

const settled = { 200: json(status), 202: json(status) };

export const torchserve: Protocol = {
  tag: "TorchServe",
  error,
  operations: {
    "GET /ping": { ...question("Unhealthy only when all models have failed", status), answers: { 200: json(status), 500: json(status) } },
    ...at("POST PUT", [...both("/predictions/{model}"), ...both("/explanations/{model}")], inference),
    "GET /models": question("Names and addresses of models", list, { query: { limit: z.int().min(1), next_page_token: whole } }),
    ...at(
      "GET",
      both("/models/{model}"),
      question("One version, or with the version all of them", z.array(description), { query: { customized: flag } }),
    ),
    "POST /models": {
      summary: "Register an archive",
      query: {
        url: text,
        model_name: text,
        initial_workers: whole,
        synchronous: flag,
        batch_size: whole,
        response_timeout: whole,
        handler: text,
      },
      answers: settled,
    },
    ...at("PUT", both("/models/{model}"), {
      summary: "Say how many workers there are to be",
      query: { min_worker: whole, synchronous: flag },
      answers: settled,
    }),
    "PUT /models/{model}/{version}/set-default": { summary: "Say which version is the default", answers: { 200: json(status) } },
    ...at("DELETE", both("/models/{model}"), { summary: "Unregister a model", answers: { 200: json(status) } }),
  },
};
