import type { JsonObject, JsonValue } from "../core/inference.ts";
import { ANNOTATIONS } from "./annotations.ts";
import { resourcesNotInEffect } from "./device-wish.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { isGiven, isMap, listIn, mapIn, textIn } from "./json-fields.ts";
import { scalingNotInEffect } from "./scaling.ts";
import { environmentScheduling, isSchedulingVariable } from "./scheduling-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";
import { amountsNotInEffect, CONTAINER_FIELDS, POD_FIELDS, rightsNotInEffect, serverContainerIndex } from "./server-fields.ts";

const SCALING = ["minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "containerConcurrency"];
const COMMON = [...SCALING, "name", "canaryTrafficPercent", "workerSpec", "timeout", "batcher"];
const BATCHER = ["maxBatchSize", "maxLatency", "timeout"];
const IN_EFFECT = ["modelFormat", "storageUri", "runtime", "protocolVersion"];

/** Paths of the fields of an InferenceService's spec that change nothing in this version, sorted; for example `spec.transformer`. */
export function fieldsNotInEffect(spec: JsonObject): string[] {
  return pathsIn(spec, predictorFields);
}

/** The same when a server of its own answers: its container's fields have an effect. */
export function serverFieldsNotInEffect(spec: JsonObject): string[] {
  return pathsIn(spec, serverPredictor);
}

function pathsIn(spec: JsonObject, fieldsOf: typeof predictorFields): string[] {
  const paths = [
    ...others(spec, ["spec"], ["predictor", "canary"]),
    ...fieldsOf(mapIn(spec, "predictor") ?? {}, ["spec", "predictor"]),
    ...listIn(spec, "canary").flatMap((canary, index) =>
      fieldsOf(mapIn(canary, "predictor") ?? {}, ["spec", "canary", index, "predictor"]),
    ),
  ];
  return paths.map(formatPath).sort();
}

/** Paths of the annotations with this server's prefix that it does not know, sorted: most are mistyped. */
export function annotationsNotInEffect(annotations: Readonly<Record<string, string>>): string[] {
  const known: readonly string[] = Object.values(ANNOTATIONS);
  const unknown = Object.keys(annotations).filter((name) => name.startsWith("nitrous/") && !known.includes(name));
  return unknown.map((name) => formatPath(["metadata", "annotations", name])).sort();
}

function predictorFields(predictor: JsonObject, path: FieldPath): FieldPath[] {
  const models = ["model", ...LEGACY_KEYS].filter((key) => isGiven(predictor, key));
  return [
    ...others(predictor, path, [...models, ...COMMON]),
    ...scalingNotInEffect(predictor, path),
    ...models.flatMap((key) => modelFields(mapIn(predictor, key) ?? {}, [...path, key])),
    ...others(mapIn(predictor, "batcher") ?? {}, [...path, "batcher"], BATCHER),
    // That there is a workerSpec decides which runtimes fit.
    ...others(mapIn(predictor, "workerSpec") ?? {}, [...path, "workerSpec"], []),
  ];
}

function serverPredictor(predictor: JsonObject, path: FieldPath): FieldPath[] {
  const models = ["model", ...LEGACY_KEYS].filter((key) => isGiven(predictor, key));
  const isCustom = models.length === 0;
  const own = isCustom ? serverContainerIndex(predictor) : -1;
  const containers = listIn(predictor, "containers").flatMap((container, index) =>
    index === own
      ? serverContainer(isMap(container) ? container : {}, [...path, "containers", index], [])
      : [[...path, "containers", index]],
  );
  const known = [...models, ...COMMON, ...POD_FIELDS, "containers", "securityContext"];
  return [
    ...others(predictor, path, known),
    ...scalingNotInEffect(predictor, path),
    ...containers,
    ...rightsNotInEffect(mapIn(predictor, "securityContext"), [...path, "securityContext"]),
    ...models.flatMap((key) => serverContainer(mapIn(predictor, key) ?? {}, [...path, key], [...IN_EFFECT, "runtimeVersion"])),
    ...others(mapIn(predictor, "batcher") ?? {}, [...path, "batcher"], BATCHER),
  ];
}

function serverContainer(container: JsonObject, path: FieldPath, more: readonly string[]): FieldPath[] {
  return [
    ...others(container, path, [...CONTAINER_FIELDS, ...more]),
    ...rightsNotInEffect(mapIn(container, "securityContext"), [...path, "securityContext"]),
    ...amountsNotInEffect(mapIn(container, "resources"), [...path, "resources"]),
  ];
}

function modelFields(model: JsonObject, path: FieldPath): FieldPath[] {
  // Its name can only be kserve-container.
  const named = others(model, path, [...IN_EFFECT, "args", "env", "name", "resources"]);
  const variables = listIn(model, "env").flatMap((variable, index) =>
    isGiven(variable, "valueFrom") ? [[...path, "env", index, "valueFrom"]] : isUnread(variable) ? [[...path, "env", index]] : [],
  );
  return [...named, ...variables, ...resourcesNotInEffect(model, path)];
}

/** The model may have its own meaning for a variable that this server cannot read. */
function isUnread(variable: JsonValue): boolean {
  const name = textIn(variable, "name") ?? "";
  return isSchedulingVariable(name) && Object.keys(environmentScheduling({ [name]: textIn(variable, "value") ?? "" })).length === 0;
}

/** The fields that say anything and are not among the known ones. */
function others(map: JsonObject, path: FieldPath, known: readonly string[]): FieldPath[] {
  return Object.entries(map)
    .filter(([key, value]) => !known.includes(key) && !isEmpty(value))
    .map(([key]) => [...path, key]);
}

function isEmpty(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === null || value === "" || (isMap(value) && Object.keys(value).length === 0);
}
