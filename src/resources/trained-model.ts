import { ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";
import type { TrainedModel } from "../core/resource.ts";
import { amountOf } from "./containers/quantity.ts";
import { mapIn, textIn } from "./json-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";
import type { ValidDocument } from "./valid-document.ts";

/** A valid TrainedModel as the rest of the server sees it. */
export function toTrainedModel({ metadata, spec }: Pick<ValidDocument, "metadata" | "spec">): TrainedModel {
  const model = mapIn(spec, "model");
  return {
    namespace: metadata.namespace ?? DEFAULT_NAMESPACE,
    name: metadata.name,
    inferenceService: textIn(spec, "inferenceService") ?? "",
    storageUri: textIn(model, "storageUri") ?? "",
    framework: textIn(model, "framework") ?? "",
    memory: amountOf(model?.memory) ?? 0,
  };
}

/** The spec of an InferenceService that has the model in the server of another one. It has one copy there, however many that has. */
export function trainedSpec({ storageUri, framework }: TrainedModel, parent: JsonObject, runtime: string): JsonObject {
  const predictor = mapIn(parent, "predictor") ?? {};
  const key = ["model", ...LEGACY_KEYS].find((each) => mapIn(predictor, each) !== undefined);
  const declared = key === undefined ? {} : (mapIn(predictor, key) ?? {});
  const others = Object.entries(predictor).filter(([name]) => name !== key && !SCALING.includes(name));
  const { storage, ...kept } = declared;
  return { predictor: { ...Object.fromEntries(others), model: { ...kept, modelFormat: { name: framework }, storageUri, runtime } } };
}

const SCALING = ["minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling"];

/** Bytes that the container of a predictor may have for all of its models; undefined when nothing limits them. */
export function memoryLimitOf(spec: JsonObject, runtimeSpec: JsonObject | undefined): number | undefined {
  const predictor = mapIn(spec, "predictor");
  const key = ["model", ...LEGACY_KEYS].find((each) => mapIn(predictor, each) !== undefined);
  const own = key === undefined ? undefined : limitIn(mapIn(predictor, key));
  if (own !== undefined) return own;
  const containers = Array.isArray(runtimeSpec?.containers) ? runtimeSpec.containers : [];
  const named = containers.find((each) => textIn(each, "name") === "kserve-container") ?? containers[0];
  return limitIn(named);
}

function limitIn(container: unknown): number | undefined {
  const limits = mapIn(mapIn(container, "resources"), "limits");
  return limits?.memory === undefined ? undefined : amountOf(limits.memory);
}

/** What KServe's webhook refuses of a change: a server's memory has been divided by it. @throws ServeError INVALID_ARGUMENT */
export function assertSameMemory(before: JsonObject, after: JsonObject): void {
  const [was, is] = [mapIn(before, "model")?.memory, mapIn(after, "model")?.memory];
  if (amountOf(was) === amountOf(is)) return;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `spec.model.memory cannot be changed: it was ${String(was)} and would be ${String(is)}; delete the TrainedModel and apply it anew`,
  );
}
