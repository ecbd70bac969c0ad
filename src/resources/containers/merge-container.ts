import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { isMap, listIn } from "../json-fields.ts";

/** Lists of which Kubernetes' strategic merge takes each entry by itself, and the field by which it knows them (core/v1 types.go). */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  env: "name",
  ports: "containerPort",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
};
/** A probe does one of these. */
const PROBE_ACTIONS = ["exec", "httpGet", "tcpSocket", "grpc"];

/**
 * A runtime's container with what a service says beside it, as KServe's MergeRuntimeContainers: maps merge, variables merge by their names,
 * ports by their numbers, mounts by their paths, the service's arguments follow the runtime's, and everything else is replaced.
 */
export function mergeContainer(base: JsonObject, own: JsonObject): JsonObject {
  const merged = mergeMaps(base, own);
  const args = [...listIn(base, "args"), ...listIn(own, "args")];
  return args.length === 0 ? merged : { ...merged, args };
}

/** Volumes of both; one of the service takes the place of the runtime's of the same name as a whole. */
export function mergeVolumes(base: readonly JsonValue[], own: readonly JsonValue[]): JsonValue[] {
  return mergeLists(base, own, "name", false);
}

function mergeMaps(base: JsonObject, own: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [key, value] of Object.entries(own)) {
    if (saysNothing(value)) continue;
    const before = base[key];
    const mergeKey = MERGE_KEYS[key];
    if (Array.isArray(value) && mergeKey !== undefined) {
      merged[key] = mergeLists(Array.isArray(before) ? before : [], value, mergeKey, key !== "env");
    } else if (isMap(value) && isMap(before)) {
      merged[key] = key.endsWith("Probe") ? mergeProbes(before, value) : mergeMaps(before, value);
    } else merged[key] = value;
  }
  return merged;
}

function mergeProbes(base: JsonObject, own: JsonObject): JsonObject {
  const action = PROBE_ACTIONS.find((name) => isMap(own[name]));
  const kept = Object.entries(base).filter(([key]) => action === undefined || key === action || !PROBE_ACTIONS.includes(key));
  return mergeMaps(Object.fromEntries(kept), own);
}

/** Entries of the one list in its order, then those that only the other has. */
function mergeLists(base: readonly JsonValue[], own: readonly JsonValue[], key: string, deeply: boolean): JsonValue[] {
  const merged = [...base];
  for (const entry of own) {
    const index = merged.findIndex((each) => isMap(each) && isMap(entry) && each[key] === entry[key]);
    const before = merged[index];
    if (index < 0) merged.push(entry);
    else merged[index] = deeply && isMap(before) && isMap(entry) ? mergeMaps(before, entry) : entry;
  }
  return merged;
}

/** What Go's encoder leaves out of a patch. */
function saysNothing(value: JsonValue): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0);
}
