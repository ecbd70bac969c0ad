import type { JsonObject } from "../core/inference.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";
import type { InferenceService, Predictor, PredictorModel, ProtocolVersion } from "../core/resource.ts";
import { environmentOf } from "./container-rules.ts";
import { deviceWishOf } from "./device-wish.ts";
import { isGiven, listIn, mapIn, textIn } from "./json-fields.ts";
import { settingsOf } from "./model-settings.ts";
import { annotationsNotInEffect, fieldsNotInEffect, serverFieldsNotInEffect } from "./not-in-effect.ts";
import { residencyOf } from "./residency-annotations.ts";
import { leastReplicas, scalingOf } from "./scaling.ts";
import { annotatedScheduling } from "./scheduling-annotations.ts";
import { environmentScheduling, predictorScheduling } from "./scheduling-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";
import type { ValidDocument } from "./valid-document.ts";

/** What speaks V2 when nothing is said, under a key of its own (KServe's inference_service_defaults.go). */
const V2_KEYS: readonly string[] = ["triton", "onnx", "huggingface"];
/** The same under `model`. */
const V2_FORMATS: readonly string[] = ["triton", "vLLM"];

/** A valid InferenceService as the rest of the server sees it. */
export function toInferenceService({ metadata, spec }: Pick<ValidDocument, "metadata" | "spec">): InferenceService {
  const predictor = toPredictor(mapIn(spec, "predictor"), metadata.annotations ?? {});
  const unknown = annotationsNotInEffect(metadata.annotations ?? {});
  const ofServer = [...unknown, ...serverFieldsNotInEffect(spec)];
  return {
    namespace: metadata.namespace ?? DEFAULT_NAMESPACE,
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    predictor,
    scheduling: {
      ...environmentScheduling(predictor.model?.environment ?? {}),
      ...predictorScheduling(mapIn(spec, "predictor")),
      ...annotatedScheduling(metadata.annotations ?? {}),
    },
    // Predictors of containers have no other server.
    notInEffect: predictor.model === undefined ? ofServer : [...unknown, ...fieldsNotInEffect(spec)],
    notInEffectOfServer: ofServer,
  };
}

function toPredictor(predictor: JsonObject | undefined, annotations: Readonly<Record<string, string>>): Predictor {
  return {
    model: toModel(predictor, annotations),
    minReplicas: leastReplicas(predictor, annotations) ?? 1,
    residency: residencyOf(predictor, annotations),
    scaling: scalingOf(predictor, annotations),
    multiNode: isGiven(predictor, "workerSpec"),
    pod: predictor ?? {},
  };
}

function toModel(predictor: JsonObject | undefined, annotations: Readonly<Record<string, string>>): PredictorModel | undefined {
  const key = ["model", ...LEGACY_KEYS].find((each) => mapIn(predictor, each) !== undefined);
  const device = deviceWishOf(key === undefined ? undefined : mapIn(predictor, key), annotations);
  const model = declaredModel(predictor);
  return model === undefined || device === undefined ? model : { ...model, device };
}

function declaredModel(predictor: JsonObject | undefined): PredictorModel | undefined {
  const model = mapIn(predictor, "model");
  if (model !== undefined) {
    const format = mapIn(model, "modelFormat");
    const name = textIn(format, "name") ?? "";
    const version = textIn(format, "version");
    return withFormat(model, { name, ...(version === undefined ? {} : { version }) }, V2_FORMATS.includes(name));
  }
  const key = LEGACY_KEYS.find((each) => mapIn(predictor, each) !== undefined);
  const legacy = key === undefined ? undefined : mapIn(predictor, key);
  return key === undefined || legacy === undefined ? undefined : withFormat(legacy, { name: key }, V2_KEYS.includes(key));
}

function withFormat(model: JsonObject, format: PredictorModel["format"], speaksV2: boolean): PredictorModel {
  const storageUri = textIn(model, "storageUri");
  const runtime = textIn(model, "runtime");
  const protocolVersion = textIn(model, "protocolVersion") ?? (speaksV2 ? "v2" : undefined);
  return {
    format,
    ...(storageUri === undefined ? {} : { storageUri }),
    ...(runtime === undefined ? {} : { runtime }),
    ...(protocolVersion === undefined ? {} : { protocolVersion: protocolVersion as ProtocolVersion }),
    environment: environmentOf(model),
    settings: settingsOf(listIn(model, "args")),
  };
}
