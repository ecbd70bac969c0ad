import { ServeError } from "../../../core/errors.ts";
import type { ModelStatus } from "../../../core/model.ts";
import { defaultMethodOf } from "../../../core/replica.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import { platformOf } from "../extensions/platform.ts";

/**
 * Model metadata: `{name, versions, platform, inputs, outputs, properties?}` of the default method; the properties name the
 * methods of a model that has several.
 */
export function modelMetadata(model: ModelStatus, versions: readonly ModelStatus[]): string {
  const { description } = model;
  const method = description === undefined ? undefined : defaultMethodOf(description);
  const signature = method === undefined ? undefined : description?.methods[method];
  const methods = Object.keys(description?.methods ?? {});
  return JSON.stringify({
    name: model.name,
    versions: versions.flatMap(({ answers, version }) => (answers ? [version] : [])),
    platform: platformOf(description).platform,
    inputs: (signature?.inputs ?? []).map(tensorMetadata),
    outputs: (signature?.outputs ?? []).map(tensorMetadata),
    ...(methods.length > 1 ? { properties: { methods: methods.join(","), default_method: method } } : {}),
  });
}

/** One method's `{name, method, inputs, outputs}`. @throws ServeError NOT_FOUND for one that the model does not have */
export function methodMetadata({ name, description }: ModelStatus, method: string): string {
  const methods = description?.methods ?? {};
  const signature = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (signature === undefined) {
    throw new ServeError("NOT_FOUND", `model ${name} has no method '${method}'; it has ${Object.keys(methods).join(", ") || "none"}`);
  }
  return JSON.stringify({
    name,
    method,
    streaming: signature.streaming === true,
    inputs: signature.inputs.map(tensorMetadata),
    outputs: signature.outputs.map(tensorMetadata),
  });
}

function tensorMetadata({ name, datatype, shape, optional }: TensorSpec): object {
  return { name, datatype, shape, ...(optional === true ? { parameters: { optional: true } } : {}) };
}
