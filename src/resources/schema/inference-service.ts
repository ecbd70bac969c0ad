import { z } from "zod";
import { componentFields, storageFields } from "./component.ts";
import { containerFields, containers, standardName } from "./container.ts";
import { dnsLabel, metadata, serviceName } from "./metadata.ts";
import { parallelSizes, podFields } from "./pod.ts";
import { fields, flag, listOf, mapOf, oneOf, type Shape, someText, text, wholeNumber } from "./terms.ts";

/** Keys that KServe had before `model`, which say the format by themselves. */
export const LEGACY_KEYS = [
  "sklearn",
  "xgboost",
  "tensorflow",
  "pytorch",
  "triton",
  "onnx",
  "huggingface",
  "pmml",
  "lightgbm",
  "paddle",
] as const;

export const PROTOCOL_VERSIONS = ["v1", "v2", "grpc-v1", "grpc-v2"] as const;

const storage = fields({}, { ...storageFields, schemaPath: text });

const standardFields: Shape = {
  storageUri: someText,
  runtimeVersion: text,
  protocolVersion: oneOf(...PROTOCOL_VERSIONS),
  storage,
  confidential: fields({ enabled: flag }, { resourceId: text }),
  name: standardName,
  ...containerFields,
};

const model = fields({ modelFormat: fields({ name: someText }, { version: text }) }, { runtime: someText, ...standardFields });

// A field that is misplaced is looked for in this order.
const predictorFields: Shape = {
  model,
  ...componentFields,
  name: serviceName,
  storageContainerName: text,
  workerSpec: fields({}, { ...podFields, ephemeralContainers: containers, ...parallelSizes }),
  ...Object.fromEntries(LEGACY_KEYS.map((key) => [key, fields({}, standardFields)])),
};

/** Every field that a predictor can have. */
export const PREDICTOR_KEYS = Object.keys(predictorFields);

const predictor = fields({}, predictorFields);
const canaryPredictor = fields({ name: serviceName }, predictorFields);

const explainer = fields(
  {},
  {
    art: fields(
      { type: oneOf("SquareAttack") },
      { storageUri: text, runtimeVersion: text, config: mapOf(text), storage, name: text, ...containerFields },
    ),
    ...componentFields,
  },
);

export const inferenceServiceSchema = fields(
  {
    apiVersion: oneOf("serving.kserve.io/v1beta1"),
    kind: oneOf("InferenceService"),
    metadata: metadata(serviceName, { namespace: dnsLabel }),
    spec: fields(
      { predictor },
      {
        transformer: fields({}, componentFields),
        explainer,
        canary: listOf(fields({ predictor: canaryPredictor, trafficPercent: wholeNumber(0, 100) })),
      },
    ),
  },
  { status: z.unknown() },
);
