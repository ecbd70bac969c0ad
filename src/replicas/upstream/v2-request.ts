import { ServeError } from "../../core/errors.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import { byteSize, type Tensor } from "../../core/tensor.ts";
import { binaryElements, type ElementRules, elementWriter, writeJson } from "../../encodings/index.ts";
import { tensorsOfPayload } from "./payload-tensors.ts";

export interface EncodedInfer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
}

const encoder = new TextEncoder();
const RULES: ElementRules = {
  nonFinite: () => "null",
  notText: ({ name }) => {
    throw binaryOnly(`inputs.${name}.data`, "it holds bytes that are not UTF-8 text");
  },
};

/**
 * An infer request, with tensors after the JSON where the server takes them so (the binary tensor data extension of Triton).
 * @throws ServeError UNIMPLEMENTED naming what the server's JSON has no place for
 */
export function encodeV2({ payload, outputs, parameters }: ReplicaCall, binary: boolean): EncodedInfer {
  const tensors = tensorsOfPayload(payload);
  const inputs = tensors.map((tensor) => {
    const head = `{"name":${JSON.stringify(tensor.name)},"shape":[${tensor.shape.join(",")}],"datatype":"${tensor.datatype}"`;
    return binary ? `${head},"parameters":{"binary_data_size":${byteSize(tensor)}}}` : `${head},"data":[${dataOf(tensor)}]}`;
  });
  const asked = outputs?.map((name) => `{"name":${JSON.stringify(name)}${binary ? ',"parameters":{"binary_data":true}' : ""}}`);
  const given = binary && outputs === undefined ? { ...parameters, binary_data_output: true } : parameters;
  const fields = [
    ...(given === undefined ? [] : [`"parameters":${writeJson({ ...given })}`]),
    `"inputs":[${inputs.join(",")}]`,
    ...(asked === undefined ? [] : [`"outputs":[${asked.join(",")}]`]),
  ];
  const json = encoder.encode(`{${fields.join(",")}}`);
  if (!binary) return { headers: { "Content-Type": "application/json" }, body: [json] };
  return {
    headers: { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(json.byteLength) },
    body: [json, ...tensors.flatMap(binaryElements)],
  };
}

function dataOf(tensor: Tensor): string {
  if (tensor.datatype === "FP16" || tensor.datatype === "BF16")
    throw binaryOnly(`inputs.${tensor.name}.datatype`, `it is ${tensor.datatype}`);
  return elementWriter(tensor, RULES)(
    0,
    tensor.shape.reduce((product, dimension) => product * dimension, 1),
  );
}

function binaryOnly(field: string, why: string): ServeError {
  return new ServeError("UNIMPLEMENTED", `${field}: ${why}, which only binary tensors can carry, and the model's server takes JSON only`);
}
