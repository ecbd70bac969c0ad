import type { JsonObject } from "../core/inference.ts";
import { blockedVariables, parallelVariables, variableOf } from "./container-rules.ts";
import type { FieldPath, Finding } from "./field-path.ts";
import { flagIn, isGiven, listIn, mapIn, numberIn, textIn } from "./json-fields.ts";
import { LEGACY_KEYS, PREDICTOR_KEYS } from "./schema/inference-service.ts";
import { storageUriFindings } from "./storage-rules.ts";

const MODEL_KEYS: readonly string[] = ["model", ...LEGACY_KEYS];
const MODEL_CONTAINER = "kserve-container";
const TRANSFORMER_CONTAINER = "transformer-container";
const KNOWN = new Set(PREDICTOR_KEYS);
/** The protocols of custom containers, in their variable PROTOCOL. */
const CUSTOM_PROTOCOLS: readonly (string | undefined)[] = [undefined, "v1", "v2"];

export function predictorFindings(predictor: JsonObject, path: FieldPath): Finding[] {
  const models = MODEL_KEYS.filter((key) => isGiven(predictor, key));
  const [key = "model"] = models;
  const model = mapIn(predictor, key);
  return [
    ...implementationFindings(predictor, path, models),
    ...componentFindings(predictor, path, textIn(model, "storageUri")),
    ...models.flatMap((each) => blockedVariables(mapIn(predictor, each), [...path, each])),
    ...(models.length === 0 ? customFindings(predictor, path) : []),
    ...collocationFindings(predictor, path),
    ...confidentialFindings(model, [...path, key]),
    ...workerFindings(predictor, path),
  ];
}

export function transformerFindings(transformer: JsonObject, path: FieldPath): Finding[] {
  const none = listIn(transformer, "containers").length === 0;
  const nothing = { path, message: "a transformer is made of containers; add containers" };
  return [...(none ? [nothing] : []), ...componentFindings(transformer, path, undefined)];
}

export function explainerFindings(explainer: JsonObject, path: FieldPath): Finding[] {
  const given = ["art", "containers"].filter((key) => isGiven(explainer, key));
  const wrong = { path, message: `expected either art or containers, found ${given.length === 0 ? "neither" : "both"}` };
  return [
    ...(given.length === 1 ? [] : [wrong]),
    ...componentFindings(explainer, path, textIn(mapIn(explainer, "art"), "storageUri")),
    ...blockedVariables(mapIn(explainer, "art"), [...path, "art"]),
  ];
}

function componentFindings(component: JsonObject, path: FieldPath, storageUri: string | undefined): Finding[] {
  const containers = ["containers", "initContainers"].flatMap((key) =>
    listIn(component, key).flatMap((container, index) => blockedVariables(container, [...path, key, index])),
  );
  const own = listIn(component, "containers").find((container) => textIn(container, "name") === MODEL_CONTAINER);
  const uri = storageUri ?? variableOf(own, "STORAGE_URI")?.value;
  return [...replicaFindings(component, path), ...storageUriFindings(component, path, uri), ...containers];
}

function replicaFindings(component: JsonObject, path: FieldPath): Finding[] {
  const least = numberIn(component, "minReplicas") ?? 1;
  const most = numberIn(component, "maxReplicas") ?? 0;
  if (most <= 0 || least <= most) return [];
  const given = isGiven(component, "minReplicas");
  const message = `expected at most maxReplicas, which is ${most}, found ${least}${given ? "" : " (the default)"}`;
  return [{ path: [...path, given ? "minReplicas" : "maxReplicas"], message }];
}

/** Exactly one of the keys for models, or containers; beside a model, containers are its sidecars. */
function implementationFindings(predictor: JsonObject, path: FieldPath, models: readonly string[]): Finding[] {
  const containers = listIn(predictor, "containers");
  const custom = containers.filter((container) => textIn(container, "name") === MODEL_CONTAINER).length;
  const found = [...models, ...Array.from({ length: custom }, () => `a container ${MODEL_CONTAINER}`)];
  if (found.length > 1) return [{ path, message: `expected one model, found ${found.join(" and ")}; keep one of them` }];
  const unknown = Object.keys(predictor).some((key) => !KNOWN.has(key));
  if (found.length > 0 || containers.length > 0 || unknown) return [];
  return [{ path, message: "says no model; add model with modelFormat and storageUri, or containers of your own" }];
}

function customFindings(predictor: JsonObject, path: FieldPath): Finding[] {
  const protocol = variableOf(listIn(predictor, "containers")[0], "PROTOCOL");
  if (CUSTOM_PROTOCOLS.includes(protocol?.value)) return [];
  const message = `expected the protocol v1 or v2, found ${JSON.stringify(protocol?.value)}`;
  return [{ path: [...path, "containers", 0, "env", protocol?.index ?? 0, "value"], message }];
}

function collocationFindings(predictor: JsonObject, path: FieldPath): Finding[] {
  return listIn(predictor, "containers").flatMap((container, index) => {
    const variable = textIn(container, "name") === TRANSFORMER_CONTAINER ? variableOf(container, "STORAGE_URI") : undefined;
    if (variable === undefined) return [];
    const message = `STORAGE_URI belongs to the model's container, not to ${TRANSFORMER_CONTAINER}`;
    return [{ path: [...path, "containers", index, "env", variable.index], message }];
  });
}

function confidentialFindings(model: JsonObject | undefined, path: FieldPath): Finding[] {
  const enabled = flagIn(mapIn(model, "confidential"), "enabled");
  return enabled && !isGiven(model, "storageUri") ? [{ path: [...path, "confidential"], message: "needs a storageUri beside it" }] : [];
}

function workerFindings(predictor: JsonObject, path: FieldPath): Finding[] {
  const worker = mapIn(predictor, "workerSpec");
  if (worker === undefined) return [];
  const containers = listIn(worker, "containers");
  const several = { path: [...path, "workerSpec", "containers"], message: `expected one container, found ${containers.length}` };
  return [
    ...(containers.length > 1 ? [several] : []),
    ...containers.flatMap((container, index) => blockedVariables(container, [...path, "workerSpec", "containers", index])),
    ...parallelVariables(mapIn(predictor, "model"), [...path, "model"]),
  ];
}
