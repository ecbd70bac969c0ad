import type { DeviceWish } from "../core/device.ts";
import type { JsonObject, JsonValue } from "../core/inference.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { FieldPath, Finding } from "./field-path.ts";
import { isGiven, mapIn } from "./json-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";

/** Kubernetes' name for NVIDIA GPUs. */
const GPU = "nvidia.com/gpu";
/** In Kubernetes both say the same, and limits are enough. */
const PLACES = ["limits", "requests"] as const;

/**
 * What a service says of devices: the annotation `nitrous/device`, else the GPUs among the resources of its model. Undefined when it
 * says nothing, and its framework decides.
 */
export function deviceWishOf(model: JsonObject | undefined, annotations: Readonly<Record<string, string>>): DeviceWish | undefined {
  const annotation = annotations[ANNOTATIONS.device];
  if (annotation !== undefined) return annotated(annotation);
  for (const place of PLACES) {
    const count = countOf(mapIn(mapIn(model, "resources"), place)?.[GPU]);
    if (count === 0) return { kind: "cpu" };
    if (count !== undefined) return { kind: "count", count, asked: `${GPU}: ${count}` };
  }
  return undefined;
}

/** What is wrong with what an InferenceService says of devices. */
export function deviceFindings(predictor: JsonObject | undefined, annotations: Readonly<Record<string, string>>): Finding[] {
  const annotation = annotations[ANNOTATIONS.device];
  const expected = `expected "cpu", "cuda" or the number of a device, found ${JSON.stringify(annotation)}`;
  const wrong = annotation !== undefined && annotated(annotation) === undefined;
  return [
    ...(wrong ? [{ path: ["metadata", "annotations", ANNOTATIONS.device], message: expected }] : []),
    ...["model", ...LEGACY_KEYS].flatMap((key) =>
      PLACES.flatMap((place): Finding[] => {
        const value = mapIn(mapIn(mapIn(predictor, key), "resources"), place)?.[GPU];
        if (value === undefined || value === null || countOf(value) !== undefined) return [];
        const path = ["spec", "predictor", key, "resources", place, GPU];
        return [{ path, message: `expected a whole number of GPUs, found ${JSON.stringify(value)}` }];
      }),
    ),
  ];
}

/** What a model's `resources` say that changes nothing here: everything but GPUs. `path` is that of the model. */
export function resourcesNotInEffect(model: JsonObject, path: FieldPath): FieldPath[] {
  const resources = mapIn(model, "resources");
  if (resources === undefined) return isGiven(model, "resources") ? [[...path, "resources"]] : [];
  const hasGpu = PLACES.some((place) => mapIn(resources, place)?.[GPU] !== undefined);
  if (!hasGpu) return Object.keys(resources).length === 0 ? [] : [[...path, "resources"]];
  return Object.entries(resources).flatMap(([place, value]): FieldPath[] => {
    const isPlace = (PLACES as readonly string[]).includes(place);
    const named = isPlace ? Object.keys(mapIn(resources, place) ?? {}).filter((name) => name !== GPU) : [];
    if (isPlace) return named.map((name) => [...path, "resources", place, name]);
    return value === null || (Array.isArray(value) && value.length === 0) ? [] : [[...path, "resources", place]];
  });
}

function annotated(text: string): DeviceWish | undefined {
  const asked = `${ANNOTATIONS.device}: "${text}"`;
  if (text === "cpu") return { kind: "cpu" };
  if (text === "cuda") return { kind: "count", count: 1, asked };
  return /^\d{1,4}$/.test(text) ? { kind: "index", index: Number(text), asked } : undefined;
}

function countOf(value: JsonValue | undefined): number | undefined {
  return value !== undefined && value !== null && /^\d{1,4}$/.test(String(value)) ? Number(value) : undefined;
}
