import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { readModelConfigurationJson } from "../model-configurations/index.ts";
import type { Manager, ModelVersion } from "../models/index.ts";

/**
 * What has become of a model between two looks at its files: nothing, only the number of its replicas (Triton changes that without a
 * reload), or something that takes another model.
 */
export function changeOf(before: ModelSpec, after: ModelSpec): "none" | "replicas" | "model" {
  const [one, other] = [comparable(before), comparable(after)];
  if (isDeepStrictEqual(one, other)) return "none";
  return isDeepStrictEqual(withoutReplicas(one), withoutReplicas(other)) ? "replicas" : "model";
}

/** A model gets the number of replicas that was found for it, and says so. Settles as `Manager.scale` does. */
export async function changeReplicas(manager: Pick<Manager, "respec">, model: ModelVersion, found: ModelSpec): Promise<void> {
  const { description } = model;
  const { residency } = model.spec;
  const configuration = withInstances(description?.configuration, found.configuration);
  if (description !== undefined && configuration !== undefined) model.description = { ...description, configuration };
  // What the server has added to what was found.
  await manager.respec(model, { ...found, ...(residency === undefined ? {} : { residency }) });
}

/** What is printed of a loaded model, with other instances. */
function withInstances(printed: JsonObject | undefined, found: ModelConfiguration | undefined): JsonObject | undefined {
  if (printed === undefined || found === undefined) return undefined;
  const groups = Array.isArray(printed.instance_group) ? printed.instance_group : [];
  const gpus = groups.flatMap((group) => (isObject(group) && Array.isArray(group.gpus) ? group.gpus.map(Number) : []));
  const json = { ...printed, instance_group: found.json.instance_group ?? [] };
  return readModelConfigurationJson(json, { file: "", name: String(printed.name), complete: true, gpus }).json;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How a model comes and goes is not in its files. */
function comparable({ residency: _, ...others }: ModelSpec): ModelSpec {
  return others;
}

/** Only configurations say in one place what is only about replicas. */
function withoutReplicas(spec: ModelSpec): ModelSpec {
  const { configuration, scaling: _, notes: __, ...others } = spec;
  if (configuration === undefined) return spec;
  const { instance_group: ___, ...json } = configuration.json;
  return { ...others, configuration: { ...configuration, instanceGroups: [], json } };
}
