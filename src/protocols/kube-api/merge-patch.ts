import type { JsonValue } from "../../core/inference.ts";
import { isObject } from "../shared/index.ts";

/** JSON Merge Patch (RFC 7386): nulls of the patch take members away, other values replace them, objects are merged. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, JsonValue>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  // A member may be called __proto__, which an assignment would take for something else.
  return Object.fromEntries(merged);
}
