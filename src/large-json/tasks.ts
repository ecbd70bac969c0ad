import type { JsonValue, Parameters, Payload } from "../core/inference.ts";
import type { Signature } from "../core/signature.ts";
import type { DecodedInfer } from "../protocols/oip/rest/index.ts";
import type { PackedTensor } from "./packing.ts";

/** What a thread is asked. */
export type Task =
  | { readonly kind: "read-predict"; readonly body: Uint8Array; readonly signature: Signature; readonly model: string }
  | { readonly kind: "read-infer"; readonly body: Uint8Array; readonly headers: Headers }
  | { readonly kind: "write-predict"; readonly tensors: readonly PackedTensor[] }
  | { readonly kind: "write-infer"; readonly tensors: readonly PackedTensor[] };

type Headers = Readonly<Record<string, string | string[] | undefined>>;

type Packed = { readonly kind: "tensors"; readonly tensors: readonly PackedTensor[] } | Exclude<Payload, { kind: "tensors" }>;

export interface ReadPredict {
  readonly payload: Packed;
  readonly parameters?: Parameters;
  readonly form: "instances" | "inputs";
  readonly method?: string;
  readonly event?: Readonly<Record<string, JsonValue>>;
}

export interface ReadInfer extends Pick<DecodedInfer, "placedInputs" | "placedOutputs"> {
  readonly tensors: readonly PackedTensor[];
  readonly id?: string | undefined;
  readonly parameters?: Parameters | undefined;
  readonly outputs?: readonly string[] | undefined;
  /** Outputs that are to be binary: these, or all or none. */
  readonly binary: readonly string[] | boolean;
  readonly classes?: ReadonlyMap<string, number> | undefined;
}

/** What it answers: for `write-predict` one text in UTF-8, for `write-infer` the elements of each tensor. */
export interface Answers {
  readonly "read-predict": ReadPredict;
  readonly "read-infer": ReadInfer;
  readonly "write-predict": Uint8Array;
  readonly "write-infer": readonly Uint8Array[];
}

export type Answer = Answers[Task["kind"]];
