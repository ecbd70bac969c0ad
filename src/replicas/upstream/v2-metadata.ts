import type { JsonValue } from "../../core/inference.ts";
import { isObject } from "../../encodings/index.ts";
import type { UpstreamDescription } from "./client.ts";
import { signatureOfMetadata, type TensorMetadata } from "./metadata-signature.ts";

/** What `GET /v2` tells of a server. */
export interface ServerFacts {
  readonly name: string;
  readonly version: string;
  /** It takes and answers tensors after the JSON. */
  readonly binary: boolean;
  /** It tells how its models are configured. */
  readonly configures: boolean;
}

export const UNKNOWN_SERVER: ServerFacts = { name: "", version: "", binary: false, configures: false };

export function serverFacts(metadata: JsonValue): ServerFacts {
  if (!isObject(metadata)) return UNKNOWN_SERVER;
  const { name, version, extensions } = metadata;
  return {
    name: typeof name === "string" ? name : "",
    version: typeof version === "string" ? version : "",
    binary: Array.isArray(extensions) && extensions.includes("binary_tensor_data"),
    configures: Array.isArray(extensions) && extensions.includes("model_configuration"),
  };
}

/** What `GET /v2/models/{model}` tells, with the server's name where the model has no platform. */
export function modelFacts(metadata: JsonValue, server: ServerFacts): UpstreamDescription {
  const { platform, inputs, outputs } = isObject(metadata) ? metadata : {};
  const taken = tensorsIn(inputs);
  const optional = Array.isArray(inputs) ? inputs.flatMap((input) => (isOptional(input) ? [input.name] : [])) : [];
  return {
    signature: signatureOfMetadata(taken, tensorsIn(outputs), { optional }),
    platform: typeof platform === "string" && platform !== "" ? platform : server.name,
    version: server.version,
  };
}

/** None when one of them is not as the protocol says. */
function tensorsIn(value: JsonValue | undefined): TensorMetadata[] {
  if (!Array.isArray(value)) return [];
  const tensors = value.flatMap((tensor) => {
    if (!isObject(tensor)) return [];
    const { name, datatype, shape } = tensor;
    if (typeof name !== "string" || typeof datatype !== "string" || !Array.isArray(shape)) return [];
    // Triton writes numbers, OVMS and others texts too.
    const sizes = shape.map(Number);
    return sizes.every(Number.isSafeInteger) ? [{ name, datatype, shape: sizes }] : [];
  });
  return tensors.length === value.length ? tensors : [];
}

/** As this server says it. */
function isOptional(input: JsonValue): input is { name: string } {
  return isObject(input) && typeof input.name === "string" && isObject(input.parameters) && input.parameters.optional === true;
}
