import type { NumericArray, NumericDatatype } from "../../core/tensor.ts";

/** A tensor as a custom model sees it. Text of a BYTES tensor is decoded from UTF-8. */
export type CustomTensor =
  | { readonly datatype: NumericDatatype; readonly shape: readonly number[]; readonly data: NumericArray }
  | { readonly datatype: "BYTES"; readonly shape: readonly number[]; readonly data: readonly string[] };

export interface CustomContext {
  /** Request parameters. */
  readonly parameters: Readonly<Record<string, string | number | bigint | boolean>>;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /**
   * Of a model with `padding`, by padded input: how long each row was before it was filled up to the longest; a list of sizes for each row
   * where several dimensions are padded.
   */
  readonly lengths?: Readonly<Record<string, ReadonlyArray<number | readonly number[]>>>;
}

/** What the export `Model` (or the default export) of a model.ts offers; no base class is needed. */
export interface CustomModel {
  /** Called once, with the model's folder. */
  load?(directory: string): unknown;
  /**
   * Inputs by name; a V1 request to a model without declared inputs comes as `{ instances }`. Answers outputs by name
   * as typed arrays, lists or tensors, or anything that is JSON; an async generator streams.
   */
  predict(inputs: Readonly<Record<string, unknown>>, context: CustomContext): unknown;
}
