import type { Datatype } from "./tensor.ts";

/** One input or output of a method; -1 in the shape is a variable dimension. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** An input that may be left out; an output that is answered only when it is asked for. */
  readonly optional?: boolean;
  /** An input of a method whose calls go together: requests may share a call although they differ in its variable dimensions. */
  readonly ragged?: boolean;
  /** Of an output of classes: what each is called, by index. */
  readonly labels?: readonly string[];
  /** An output that the model's own code promises. Others are what its file says or its warm-up showed, and answers may differ. */
  readonly declared?: boolean;
}

/**
 * What a custom model declares about requests of different sizes that meet in one call. As its host told it: {@link sizingOf} checks it.
 * `padding` is, by input, the value that fills its variable dimensions behind the first; `unpad` names, by output, the input that it is
 * as long as; `cost` is the input whose elements are a request's work, which are its rows otherwise.
 */
export interface SizingDeclarations {
  readonly padding?: Readonly<Record<string, number | string | boolean>>;
  readonly unpad?: Readonly<Record<string, string>>;
  readonly cost?: string;
}

/**
 * What one method of a model takes and gives, as its host told when the model had loaded.
 *
 * `accepts` says which form the host wants:
 * - `tensors`: the inputs below, by name;
 * - `matrix`: one tensor [rows, ...] that the framework gave no name, so any name will do;
 * - `frame`: a data frame, one tensor per column, each [rows] or [rows, 1];
 * - `json`: whatever a client sent (a custom model without declared inputs): tensors by name, or V1's JSON rows.
 */
export interface Signature {
  readonly accepts: "tensors" | "matrix" | "frame" | "json";
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Names of a matrix's columns, when the model was fitted on a data frame; lets V1 clients send objects. */
  readonly columns?: readonly string[];
  /** The framework converts numeric datatypes itself (scikit-learn, XGBoost, LightGBM). */
  readonly convertsNumbers?: boolean;
  /** Rows along the first dimension are independent, so requests may share a call. */
  readonly batchable?: boolean;
  /** Requests with one `sequence_id` belong together: the model keeps state between them, so they go to one replica and are never batched. */
  readonly stateful?: boolean;
  readonly sizing?: SizingDeclarations;
  /** Rows that one request may have at most; any number when absent. */
  readonly maxRows?: number;
  /**
   * Requests that share a call stay what they are: the replica gets all of them, in `runTogether`. They may then differ in their parameters
   * and in what they ask for, and in the variable dimensions of inputs that are `ragged`; `batchable` says whether they share calls at all.
   */
  readonly together?: boolean;
  /**
   * Of a method whose calls go together: requests that the model works on at once, each a call by itself. It executes them in steps, all of
   * them together, and ends each in its own time.
   */
  readonly concurrency?: number;
  /** The method answers with a stream of responses. */
  readonly streaming?: boolean;
}
