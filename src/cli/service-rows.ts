import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import { readiness, replicasInWord, runtimeOf, stateInWord, statusOf, styleOf, whyNotReady } from "./service-status.ts";
import { predictorFields } from "./spec-fields.ts";
import type { Cell } from "./table.ts";

export interface RowOptions {
  readonly wide: boolean;
  readonly allNamespaces: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function serviceTitles({ wide, allNamespaces }: RowOptions): string[] {
  return [
    ...(allNamespaces ? ["NAMESPACE"] : []),
    ...["NAME", "URL", "READY", "STATE", "REPLICAS", "RUNTIME", "AGE"],
    ...(wide ? ["FORMAT", "GENERATION", "REASON"] : []),
  ];
}

/** An InferenceService as a row below `serviceTitles`. */
export function serviceRow(object: ApiObject, { wide, allNamespaces, now }: RowOptions): Cell[] {
  const { metadata, spec } = object;
  const status = statusOf(object);
  const ready = readiness(status);
  const style = styleOf(ready, status);
  const { format, runtime } = predictorFields(spec);
  const { generation = 1 } = metadata;
  const observed = status.observedGeneration;
  return [
    ...(allNamespaces ? [metadata.namespace ?? ""] : []),
    metadata.name,
    status.url ?? "",
    { text: ready, style },
    { text: stateInWord(object, status), style },
    replicasInWord(status) ?? "",
    runtimeOf(status) ?? runtime ?? "",
    ageOf(metadata.creationTimestamp, now),
    ...(wide
      ? [
          format ?? "",
          observed === undefined || observed >= generation ? String(generation) : `${observed}/${generation}`,
          whyNotReady(status) ?? "",
        ]
      : []),
  ];
}
