import type { JsonObject } from "../core/inference.ts";
import { canaryFindings } from "./canary-rules.ts";
import { explainerFindings, predictorFindings, transformerFindings } from "./component-rules.ts";
import { deviceFindings } from "./device-wish.ts";
import type { Finding } from "./field-path.ts";
import { isMap, listIn, mapIn, textIn, textsIn } from "./json-fields.ts";
import { residencyFindings } from "./residency-annotations.ts";
import { responseCacheFindings } from "./response-cache-annotation.ts";
import { runtimeFindings } from "./runtime-rules.ts";
import { boundFindings } from "./scaling.ts";
import { scalingFindings } from "./scaling-annotations.ts";
import { schedulingFindings } from "./scheduling-annotations.ts";
import { serverFindings } from "./server-annotations.ts";
import { shadowFindings } from "./shadow-annotations.ts";
import { trafficFindings } from "./traffic-fields.ts";
import { watchFindings } from "./watch-annotation.ts";

const AUTOSCALER_ANNOTATION = "serving.kserve.io/autoscalerClass";
const AUTOSCALERS = ["hpa", "keda", "none", "external"];

/** What KServe's webhooks refuse beyond the schema. Documents that do not match the schema are taken as far as they do. */
export function ruleFindings(document: JsonObject): Finding[] {
  const spec = mapIn(document, "spec");
  if (spec === undefined) return [];
  const annotations = textsIn(mapIn(document, "metadata"), "annotations");
  switch (textIn(document, "kind")) {
    case "InferenceService":
      return [...serverFindings(annotations), ...serviceFindings(document, spec)];
    // Its schema says all that KServe's webhook asks.
    case "TrainedModel":
      return [];
    default:
      return [...serverFindings(annotations), ...runtimeFindings(spec, annotations)];
  }
}

/** inference_service_validation.go */
function serviceFindings(document: JsonObject, spec: JsonObject): Finding[] {
  const predictor = mapIn(spec, "predictor");
  const transformer = mapIn(spec, "transformer");
  const explainer = mapIn(spec, "explainer");
  return [
    ...autoscalerFindings(mapIn(mapIn(document, "metadata"), "annotations")),
    ...residencyFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...deviceFindings(predictor, textsIn(mapIn(document, "metadata"), "annotations")),
    ...watchFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...shadowFindings(textsIn(mapIn(document, "metadata"), "annotations"), textIn(mapIn(document, "metadata"), "name")),
    ...trafficFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...responseCacheFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...schedulingFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...scalingFindings(textsIn(mapIn(document, "metadata"), "annotations")),
    ...boundFindings(predictor, textsIn(mapIn(document, "metadata"), "annotations")),
    ...(predictor === undefined ? [] : predictorFindings(predictor, ["spec", "predictor"])),
    ...(transformer === undefined ? [] : transformerFindings(transformer, ["spec", "transformer"])),
    ...(explainer === undefined ? [] : explainerFindings(explainer, ["spec", "explainer"])),
    ...canaryFindings(
      listIn(spec, "canary").map((each) => (isMap(each) ? each : {})),
      predictor ?? {},
    ),
  ];
}

function autoscalerFindings(annotations: JsonObject | undefined): Finding[] {
  const autoscaler = textIn(annotations, AUTOSCALER_ANNOTATION);
  if (autoscaler === undefined || AUTOSCALERS.includes(autoscaler)) return [];
  const path = ["metadata", "annotations", AUTOSCALER_ANNOTATION];
  return [{ path, message: `expected one of ${AUTOSCALERS.join(", ")}, found ${JSON.stringify(autoscaler)}` }];
}
