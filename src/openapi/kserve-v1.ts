import { z } from "zod";
import { openAiModel } from "./openai.ts";
import { at, json, named, type Operation, ofModel, type Protocol, question, request, streamed } from "./operation.ts";
import { anything, flag, modelList, notReady, object, plainError, text } from "./wire.ts";

const versionStates = named(
  "ModelVersionStates",
  z.object({
    name: text,
    ready: flag,
    model_version_status: z.array(
      z.object({
        version: text,
        state: z.enum(["AVAILABLE", "LOADING", "END"]),
        status: z.object({ error_code: text, error_message: text }),
      }),
    ),
  }),
);
/** Of a model that speaks OpenAI's protocol it is OpenAI's object too. */
const readiness = z.union([
  named("ReadinessV1", z.object({ name: text, ready: flag })),
  named("ReadinessOpenAi", openAiModel.extend({ name: text, ready: flag })),
  versionStates,
]);
const notReadyOpenAi = named("NotReadyOpenAi", openAiModel.extend({ name: text, ready: z.literal(false), error: text }));
/** With OpenAI's keys once there is a model that speaks its protocol. */
const models = z.union([modelList, named("ModelListOpenAi", modelList.extend({ object: z.literal("list"), data: z.array(openAiModel) }))]);

const tensorInfo = z.object({
  dtype: text,
  tensor_shape: z.object({ dim: z.array(z.object({ size: text, name: text })), unknown_rank: flag }),
  name: text,
});
const signatures = named(
  "SignatureDefinitions",
  z.object({
    model_spec: z.object({ name: text, signature_name: text, version: text }),
    metadata: z.object({
      signature_def: z.object({
        signature_def: z.record(
          text,
          z.object({ inputs: z.record(text, tensorInfo), outputs: z.record(text, tensorInfo), method_name: text, defaults: object }),
        ),
      }),
    }),
  }),
);

const predictRequest = named(
  "PredictRequest",
  z.object({
    instances: z.array(anything).optional().meta({ description: "One element a row: a scalar, a nested list, or an object by column." }),
    inputs: anything.optional().meta({ description: "Rows like instances, or an object of columns." }),
    parameters: object.optional(),
    signature_name: text.optional().meta({ description: "The method." }),
  }),
);
/** A method may make the whole answer itself, with more beside it. */
const predictions = named(
  "Predictions",
  z.union([z.looseObject({ predictions: anything }), z.looseObject({ explanations: anything }), z.object({ outputs: anything })]),
);
const event = named("CloudEvent", z.looseObject({ specversion: text, id: text, source: text, type: text, data: anything }));

const prediction = (summary: string): Operation =>
  request(summary, predictRequest, predictions, {
    body: {
      required: true,
      contents: { ...json(predictRequest), "application/cloudevents+json": event, "application/octet-stream": undefined },
    },
    answers: { 200: { ...streamed(predictions), "application/cloudevents+json": event } },
  });

export const kserveV1: Protocol = {
  tag: "KServe V1 and TensorFlow Serving",
  error: plainError,
  operations: {
    "GET /": question("The server lives", named("Alive", z.object({ status: z.literal("alive") }))),
    "GET /v1/models": question("Names of all models", models),
    ...at("GET", ofModel("/v1/models", ""), {
      ...question("Whether a model is ready", readiness),
      answers: { 200: json(readiness), 503: json(z.union([notReady, notReadyOpenAi, versionStates])) },
    }),
    ...at("GET", ofModel("/v1/models", "/metadata"), question("TensorFlow Serving's signature definitions", signatures)),
    ...at("POST", ofModel("/v1/models", ":predict"), prediction("Predict")),
    ...at("POST", ofModel("/v1/models", ":{method}"), prediction("Another method of the model, such as explain")),
  },
};

const invocation: Operation = {
  summary: "MLflow's invocations",
  body: {
    required: true,
    contents: json(
      named(
        "Invocation",
        z.object({
          dataframe_split: object.optional(),
          dataframe_records: z.array(object).optional(),
          instances: anything.optional(),
          inputs: anything.optional(),
          params: object.optional(),
        }),
      ),
    ),
  },
  answers: { 200: streamed(predictions) },
};

export const mlflow: Protocol = {
  tag: "MLflow",
  error: named("MlflowError", z.object({ error_code: text, message: text })),
  operations: at("POST", ["/invocations", ...ofModel("/v1/models", "/invocations")], invocation),
};
