import { jsonValueOf, type Payload } from "../../core/inference.ts";
import type { Signature } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type ElementRules, elementWriter, isObject, parseJson, writeJson, writeNested } from "../shared/index.ts";
import type { Part } from "./body.ts";

const RULES: ElementRules = {
  nonFinite: () => "null",
  notText: (_tensor, bytes) => `{"b64":"${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")}"}`,
};

/**
 * What a client of TorchServe sent, for a model that is no archive: JSON as V1's instances or as it is, anything else as one element of
 * a BYTES tensor for each part.
 * @throws ServeError INVALID_ARGUMENT for JSON that is none
 */
export function payloadOf(parts: readonly Part[], { inputs }: Signature): Payload {
  const [only, second] = parts;
  if (only !== undefined && second === undefined && only.name === "body" && isJson(only)) {
    const value = parseJson(only.data);
    if (Array.isArray(value)) return { kind: "rows", rows: value };
    if (isObject(value) && Array.isArray(value.instances)) return { kind: "rows", rows: value.instances };
    return { kind: "json", value };
  }
  // Of fields with one name, TorchServe takes the last.
  const fields = new Map(parts.map(({ name, data }) => [name, data]));
  const input = inputs.length === 1 && fields.size === 1 ? inputs[0]?.name : undefined;
  return {
    kind: "tensors",
    tensors: [...fields].map(([name, data]): Tensor => ({ name: input ?? name, datatype: "BYTES", shape: [1], data: [data] })),
  };
}

/** `curl -T` says nothing of what it sends. */
function isJson({ type, data }: Part): boolean {
  if (type !== "") return type === "application/json" || type.endsWith("+json");
  const first = data.find((byte) => byte > 0x20);
  return first === 0x5b || first === 0x7b;
}

/** An answer as JSON: one output alone is its values, several are an object of them. */
export function writeAnswer(payload: Payload): string {
  switch (payload.kind) {
    case "tensors": {
      const [only, second] = payload.tensors;
      if (only !== undefined && second === undefined) return valuesOf(only);
      return `{${payload.tensors.map((tensor) => `${JSON.stringify(tensor.name)}:${valuesOf(tensor)}`).join(",")}}`;
    }
    default:
      return writeJson(jsonValueOf(payload));
  }
}

function valuesOf(tensor: Tensor): string {
  return writeNested(elementWriter(tensor, RULES), tensor.shape);
}
