import type { JsonObject } from "../core/inference.ts";
import { predictorFindings } from "./component-rules.ts";
import type { Finding } from "./field-path.ts";
import { isGiven, mapIn, numberIn, textIn } from "./json-fields.ts";

/** What only the stable predictor may say. */
const STABLE_ONLY = ["workerSpec", "scaleTarget", "scaleMetric", "autoScaling"];

/** validateCanarySpecs of KServe's webhook. */
export function canaryFindings(canaries: readonly JsonObject[], stable: JsonObject): Finding[] {
  const taken = new Set([textIn(stable, "name")]);
  const findings = canaries.flatMap((canary, index): Finding[] => {
    const predictor = mapIn(canary, "predictor");
    if (predictor === undefined) return [];
    const path = ["spec", "canary", index, "predictor"];
    const name = textIn(predictor, "name");
    const duplicate = name !== undefined && taken.has(name);
    taken.add(name);
    return [
      ...(duplicate ? [{ path: [...path, "name"], message: `another predictor is called ${name}; give each a name of its own` }] : []),
      ...predictorFindings(predictor, path),
      ...stableOnly(predictor).map((key) => ({ path: [...path, key], message: "only the stable predictor can have this; remove it" })),
      ...tooMany(predictor, stable).map((message) => ({ path: [...path, "minReplicas"], message })),
    ];
  });
  const traffic = canaries.reduce((sum, canary) => sum + (numberIn(canary, "trafficPercent") ?? 0), 0);
  if (traffic > 100) findings.push({ path: ["spec", "canary"], message: `expected at most 100 trafficPercent in all, found ${traffic}` });
  return findings;
}

function stableOnly(predictor: JsonObject): string[] {
  const scales = (numberIn(predictor, "maxReplicas") ?? 0) > 0;
  return [...STABLE_ONLY.filter((key) => isGiven(predictor, key)), ...(scales ? ["maxReplicas"] : [])];
}

function tooMany(predictor: JsonObject, stable: JsonObject): string[] {
  const least = numberIn(predictor, "minReplicas") ?? 0;
  const stableLeast = numberIn(stable, "minReplicas") ?? 1;
  return least > stableLeast ? [`expected at most the stable predictor's ${stableLeast}, found ${least}`] : [];
}
