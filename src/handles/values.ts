import type { Datatype, NumericArray, NumericDatatype } from "../core/tensor.ts";
import type { TypedTensor } from "../core/typed-tensor.ts";

/**
 * One input: a typed array (flat; the model's declared shape is used where it leaves at most one dimension open), a nested list, a
 * `{ datatype, shape, data }`, or for models that declare no inputs anything that is JSON.
 */
export type InputValue =
  | NumericArray
  | TypedTensor
  | InputList
  | string
  | number
  | bigint
  | boolean
  | null
  | { readonly [key: string]: InputValue };
export type InputList = readonly InputValue[];

/** Inputs by name, or V1's instances: a list of rows. */
export type InputValues = { readonly [name: string]: InputValue } | readonly InputValue[];

/** An output; an element of BYTES that is not UTF-8 is given as its bytes. */
export type OutputTensor = {
  [Name in Datatype]: {
    readonly datatype: Name;
    readonly shape: readonly number[];
    readonly data: Name extends NumericDatatype ? Extract<TypedTensor, { datatype: Name }>["data"] : ReadonlyArray<string | Uint8Array>;
  };
}[Datatype];

/** Outputs by name. A model that answers plain JSON has its own type here: `handle<Inputs, { words: number }>`. */
export type OutputValues = { readonly [name: string]: OutputTensor };
