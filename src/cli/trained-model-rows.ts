import { z } from "zod";
import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import type { RowOptions } from "./service-rows.ts";
import { readiness, stateInWord, statusOf, whyNotReady } from "./service-status.ts";
import type { Cell } from "./table.ts";

const someText = z.string().catch("");
const trainedModel = z.object({
  inferenceService: someText,
  model: z
    .object({ storageUri: someText, framework: someText, memory: z.union([z.string(), z.number()]).transform(String).catch("") })
    .catch({ storageUri: "", framework: "", memory: "" }),
});

export type TrainedModelFields = z.infer<typeof trainedModel>;

/** What people ask of a TrainedModel's spec. */
export function trainedModelFields(spec: unknown): TrainedModelFields {
  return trainedModel.parse(typeof spec === "object" && spec !== null ? spec : {});
}

export function trainedModelTitles({ wide, allNamespaces }: RowOptions): string[] {
  return [
    ...(allNamespaces ? ["NAMESPACE"] : []),
    ...["NAME", "URL", "READY", "STATE", "INFERENCESERVICE", "FRAMEWORK", "MEMORY", "AGE"],
    ...(wide ? ["REASON"] : []),
  ];
}

/** A TrainedModel as a row below `trainedModelTitles`. */
export function trainedModelRow(object: ApiObject, { wide, allNamespaces, now }: RowOptions): Cell[] {
  const { metadata, spec } = object;
  const { inferenceService, model } = trainedModelFields(spec);
  const status = statusOf(object);
  const ready = readiness(status);
  const style = ready === "True" ? "green" : ready === "False" ? "red" : "yellow";
  return [
    ...(allNamespaces ? [metadata.namespace ?? ""] : []),
    metadata.name,
    status.url ?? "",
    { text: ready, style },
    stateInWord(object, status),
    inferenceService,
    model.framework,
    model.memory,
    ageOf(metadata.creationTimestamp, now),
    ...(wide ? [whyNotReady(status) ?? ""] : []),
  ];
}
