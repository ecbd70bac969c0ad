import { jsonValueOf, type Payload } from "../core/inference.ts";
import { elementsOf, type Tensor } from "../core/tensor.ts";
import type { OutputTensor } from "./values.ts";

/** What a model answered: outputs by name, or the JSON that it is. */
export function outputsOf(payload: Payload): unknown {
  switch (payload.kind) {
    case "tensors":
      return Object.fromEntries(payload.tensors.map((tensor) => [tensor.name, outputOf(tensor)]));
    default:
      return jsonValueOf(payload);
  }
}

function outputOf(tensor: Tensor): OutputTensor {
  // Whoever asked may change it; answers of the same shape may have one list.
  const shape = [...tensor.shape];
  if (tensor.datatype === "BYTES") return { datatype: "BYTES", shape, data: tensor.data.map(textOf) };
  return { datatype: tensor.datatype, shape, data: elementsOf(tensor) } as OutputTensor;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(element: Uint8Array): string | Uint8Array {
  try {
    return decoder.decode(element);
  } catch {
    return element;
  }
}
