import type { Datatype, NumericArray } from "../../core/tensor.ts";
import type { TensorOf, TypedTensor } from "../../core/typed-tensor.ts";

// What a model file imports from "nitrous" in the host is this file: it has nothing of the server.

/** Inputs or outputs by name: a datatype and a shape, -1 for any size, such as `{ x: "FP32[-1,4]" }`. */
export type Specifications = Readonly<Record<string, `${Datatype}[${string}]`>>;

export type { TensorOf } from "../../core/typed-tensor.ts";

/** A tensor as a custom model sees it. */
export type CustomTensor = TypedTensor;

export interface CustomContext {
  /** Request parameters. */
  readonly parameters: Readonly<Record<string, string | number | bigint | boolean>>;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /**
   * Of a method with `padding`, by padded input: how long each row was before it was filled up to the longest; a list of sizes for each
   * row where several dimensions are padded.
   */
  readonly lengths?: Readonly<Record<string, ReadonlyArray<number | readonly number[]>>>;
}

/** Tensors by name. Without declared inputs what the client sent: tensors or columns by name, or `instances`. */
export type InputsOf<Inputs extends Specifications> = string extends keyof Inputs
  ? { readonly instances: readonly unknown[]; readonly [name: string]: unknown }
  : { readonly [Name in keyof Inputs]: Inputs[Name] extends `${infer Each extends Datatype}[${string}]` ? TensorOf<Each> : never };

/** Outputs by name as typed arrays, lists or tensors; without declared outputs anything that is JSON too. An iterable of them streams. */
export type OutputsOf<Outputs extends Specifications> = string extends keyof Outputs
  ? unknown
  : OrStream<{ readonly [Name in keyof Outputs]: NumericArray | readonly unknown[] | CustomTensor }>;

type OrStream<Value> = Value | Promise<Value> | Iterable<Value> | AsyncIterable<Value>;

/** What can be said of a method beside its code: of a class as `static` fields, of a file of functions as exported constants. */
export interface Declarations<Inputs extends Specifications = Specifications, Outputs extends Specifications = Specifications> {
  /** Checked before the method is called, and told to clients. */
  readonly inputs?: Inputs;
  /** A promise, checked in every answer. */
  readonly outputs?: Outputs;
  /** Rows are independent, so requests may share a call. */
  readonly batchable?: boolean;
  /** The model keeps state between requests with one `sequence_id`. */
  readonly stateful?: boolean;
  /** It answers with an iterable; of generator functions that is known. */
  readonly streaming?: boolean;
  /** By input: what shorter requests are filled up with. */
  readonly padding?: { readonly [Name in keyof Inputs]?: number | string | boolean };
  /** By output: the padded input that it is as long as. */
  readonly unpad?: { readonly [Name in keyof Outputs]?: keyof Inputs & string };
  /** The input whose elements are the work. */
  readonly cost?: keyof Inputs & string;
  /** A request that is answered before the model is ready: `{ inputs: [...] }` or `{ instances: [...] }`. */
  readonly example?: unknown;
}

export interface CustomMethod<Inputs extends Specifications = Specifications, Outputs extends Specifications = Specifications>
  extends Declarations<Inputs, Outputs> {
  run(inputs: InputsOf<Inputs>, context: CustomContext): OutputsOf<Outputs>;
}

/** Whatever {@link defineMethod} made. */
export interface AnyMethod {
  run(inputs: never, context: CustomContext): unknown;
}

export type SettingValues = Readonly<Record<string, string | number | boolean>>;

interface Loading<Settings extends SettingValues> {
  /** Names and defaults of the settings that the model takes; a service's settings are converted to the types of these. */
  readonly settings?: Settings;
  /** Called once, with the model's folder. */
  load?(directory: string, settings: { readonly [Name in keyof Settings]: Widened<Settings[Name]> }): unknown;
}

type Widened<Value> = Value extends string ? string : Value extends number ? number : boolean;

/** A model with the one method `predict`. */
export interface ModelOfOne<Inputs extends Specifications, Outputs extends Specifications, Settings extends SettingValues>
  extends Declarations<Inputs, Outputs>,
    Loading<Settings> {
  predict(inputs: InputsOf<Inputs>, context: CustomContext): OutputsOf<Outputs>;
}

/** A model with several methods, each made by {@link defineMethod}. */
export interface ModelOfSeveral<Settings extends SettingValues> extends Loading<Settings> {
  readonly methods: Readonly<Record<string, AnyMethod>>;
  /** Which of them is meant when a request names none; otherwise `predict`, or the first. */
  readonly defaultMethod?: string;
}

/**
 * Gives the object back as it is, so that an editor knows its types: `export default defineModel({ inputs: { x: "FP32[-1]" }, predict({ x }) {
 * return { y: x.data } } })`.
 */
export function defineModel<
  const Inputs extends Specifications = Specifications,
  const Outputs extends Specifications = Specifications,
  const Settings extends SettingValues = SettingValues,
>(model: ModelOfOne<Inputs, Outputs, Settings>): ModelOfOne<Inputs, Outputs, Settings>;
export function defineModel<const Settings extends SettingValues = SettingValues>(
  model: ModelOfSeveral<Settings>,
): ModelOfSeveral<Settings>;
export function defineModel(model: unknown): unknown {
  return model;
}

/** One of several methods of a model, as it is: `methods: { encode: defineMethod({ inputs, outputs, run }) }`. */
export function defineMethod<const Inputs extends Specifications = Specifications, const Outputs extends Specifications = Specifications>(
  method: CustomMethod<Inputs, Outputs>,
): CustomMethod<Inputs, Outputs> {
  return method;
}

/** What a class `Model` offers; no base class is needed. It may have other public methods beside `predict`, which are served too. */
export interface CustomModel {
  /** Called once, with the model's folder. */
  load?(directory: string, settings: SettingValues): unknown;
  predict(inputs: Readonly<Record<string, unknown>>, context: CustomContext): unknown;
}
