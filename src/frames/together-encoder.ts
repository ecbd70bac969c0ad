import { ServeError } from "../core/errors.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Tensor } from "../core/tensor.ts";
import type { TensorMetadata } from "./frame.ts";
import { JsonText, stringifyJson } from "./json.ts";
import { blobOf } from "./payload.ts";
import { togetherMetadata } from "./together.ts";

/** Tensors of a request whose text is remembered. */
const MOST_REMEMBERED = 64;

interface Remembered extends TensorMetadata {
  readonly text: string;
}

/**
 * Makes infer frames with several requests of one model. Those differ in their elements as a rule, and not in what is said of their tensors:
 * of each tensor the text is made again only when it is another one than in the request before.
 */
export class TogetherEncoder {
  readonly #model: number;
  /** By place in a request. */
  readonly #remembered: Remembered[] = [];

  /** @param model stream id of its load */
  constructor(model: number) {
    this.#model = model;
  }

  /** Calls of one method, at least one. @throws ServeError INTERNAL for one that does not consist of tensors */
  encode(calls: readonly ReplicaCall[]): { readonly meta: JsonText; readonly blobs: Uint8Array[] } {
    const blobs: Uint8Array[] = [];
    let tensors = "";
    let requests = "";
    for (const call of calls) {
      const { method, payload } = call;
      if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `method '${method}' takes tensors by name, not ${payload.kind}`);
      let place = 0;
      for (const tensor of payload.tensors) {
        const blob = blobOf(tensor);
        blobs.push(blob);
        tensors += `${tensors === "" ? "" : ","}${this.#textOf(tensor, blob.byteLength, place++)}`;
      }
      requests += `${requests === "" ? "" : ","}${requestText(call, payload.tensors.length)}`;
    }
    const method = JSON.stringify(calls[0]?.method);
    return { meta: new JsonText(`{"tensors":[${tensors}],"model":${this.#model},"method":${method},"requests":[${requests}]}`), blobs };
  }

  #textOf({ name, datatype, shape }: Tensor, bytes: number, place: number): string {
    const remembered = this.#remembered[place];
    if (remembered?.name === name && remembered.datatype === datatype && remembered.bytes === bytes && areEqual(remembered.shape, shape))
      return remembered.text;
    const text = stringifyJson({ name, datatype, shape, bytes });
    if (place < MOST_REMEMBERED) this.#remembered[place] = { name, datatype, shape: [...shape], bytes, text };
    return text;
  }
}

function requestText(call: ReplicaCall, tensors: number): string {
  const { outputs, parameters, origin, sequence } = call;
  const saysMore = outputs ?? parameters ?? sequence ?? origin?.id ?? origin?.timeoutMs;
  return saysMore === undefined ? `{"tensors":${tensors}}` : stringifyJson(togetherMetadata(call, tensors));
}

function areEqual(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false;
  for (let axis = 0; axis < one.length; axis++) if (one[axis] !== other[axis]) return false;
  return true;
}
