import type { JsonObject, JsonValue } from "../core/inference.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";
import { isGiven, isMap, listIn, mapIn, numberIn, textIn } from "./json-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";

/** An entry of `spec.canary`. */
export interface CanarySpec {
  /** Of its predictor; those of a service differ. */
  readonly name: string;
  /** Percent of the requests. */
  readonly percent: number;
  /** A whole spec: the stable predictor with what the canary's says instead. */
  readonly spec: JsonObject;
}

/** Fields of a predictor that say which of its models is used, one at a time. */
const IMPLEMENTATIONS: readonly string[] = ["model", "containers", ...LEGACY_KEYS];

/** What a spec says of the models that run, without how the requests are split among them and what they are called. */
export function templateOf(spec: JsonObject): JsonObject {
  const { canary: _, ...others } = spec;
  const { canaryTrafficPercent: __, name: ___, ...predictor } = mapIn(spec, "predictor") ?? {};
  return { ...others, predictor };
}

/** Percent of the requests that the newest revision gets beside the one before it; 100 when nothing is said. */
export function canaryTrafficPercent(spec: JsonObject): number {
  return numberIn(mapIn(spec, "predictor"), "canaryTrafficPercent") ?? 100;
}

/** The name of the stable predictor, which is that of the canary that it was made of. */
export function predictorName(spec: JsonObject): string | undefined {
  return textIn(mapIn(spec, "predictor"), "name");
}

/** KServe's buildCanaryPredictor: lists are replaced, maps are merged, and of its replicas a canary has its share. */
export function canarySpecs(spec: JsonObject): CanarySpec[] {
  const { canary: _, ...others } = spec;
  const { canaryTrafficPercent: __, name: ___, ...stable } = mapIn(spec, "predictor") ?? {};
  return listIn(spec, "canary").map((entry) => {
    const own = mapIn(entry, "predictor") ?? {};
    const percent = numberIn(entry, "trafficPercent") ?? 0;
    const isOther = IMPLEMENTATIONS.some((key) => isGiven(own, key) && !isGiven(stable, key));
    const kept = Object.entries(stable).filter(([key]) => !(isOther && IMPLEMENTATIONS.includes(key)));
    const replicas = numberIn(stable, "minReplicas") ?? 0;
    const share = replicas > 1 ? { minReplicas: Math.max(1, Math.ceil((replicas * percent) / 100)) } : {};
    const merged = merge({ ...Object.fromEntries(kept), ...share }, own);
    return { name: textIn(own, "name") ?? "", percent, spec: { ...others, predictor: merged } };
  });
}

/** As `spec` with everything for one revision: the canary of the name, else the newest one. Undefined when there is nothing to promote. */
export function promotedSpec(spec: JsonObject, canary: string | undefined): JsonObject | undefined {
  const found = canarySpecs(spec).find(({ name }) => name === canary);
  if (canary !== undefined) {
    const left = listIn(spec, "canary").filter((entry) => textIn(mapIn(entry, "predictor"), "name") !== canary);
    return found === undefined ? undefined : { ...found.spec, ...(left.length === 0 ? {} : { canary: left }) };
  }
  const { canaryTrafficPercent: percent, ...predictor } = mapIn(spec, "predictor") ?? {};
  return percent === undefined ? undefined : { ...spec, predictor };
}

/** As `spec` with all requests for one revision, without canaries. */
export function wholeSpec(spec: JsonObject): JsonObject {
  const { canary: _, ...others } = spec;
  const { canaryTrafficPercent: __, ...predictor } = mapIn(spec, "predictor") ?? {};
  return { ...others, predictor };
}

function merge(base: JsonObject, over: JsonObject): JsonObject {
  const result: JsonObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    if (value !== null) result[key] = isMap(before) && isMap(value) ? merge(before, value) : (value as JsonValue);
  }
  return result;
}

/** Percent of the requests of each version of a folder, by version; undefined where nothing is said. */
export function versionTraffic(annotations: Readonly<Record<string, string>>): ReadonlyMap<string, number> | undefined {
  const text = annotations[ANNOTATIONS.traffic];
  return text === undefined ? undefined : readShares(text);
}

/** A header's name in lower case. */
export function affinityHeader(annotations: Readonly<Record<string, string>>): string | undefined {
  const name = annotations[ANNOTATIONS.affinityHeader]?.toLowerCase();
  return name !== undefined && HEADER.test(name) ? name : undefined;
}

const HEADER = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

function readShares(text: string): ReadonlyMap<string, number> | undefined {
  const shares = new Map<string, number>();
  for (const part of text.split(",")) {
    const [, version, percent] = /^\s*([1-9]\d{0,17})\s*=\s*(\d{1,3})\s*$/.exec(part) ?? [];
    if (version === undefined || shares.has(version)) return undefined;
    shares.set(version, Number(percent));
  }
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  return sum === 100 ? shares : undefined;
}

export function trafficFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  const finding = (name: string, expected: string): Finding => ({
    path: ["metadata", "annotations", name],
    message: `expected ${expected}, found ${JSON.stringify(annotations[name])}`,
  });
  const { traffic, affinityHeader: header } = ANNOTATIONS;
  return [
    ...(annotations[traffic] !== undefined && versionTraffic(annotations) === undefined
      ? [finding(traffic, 'versions with percentages that make 100, such as "1=10,2=90"')]
      : []),
    ...(annotations[header] !== undefined && affinityHeader(annotations) === undefined
      ? [finding(header, 'the name of a header, such as "x-user-id"')]
      : []),
  ];
}
