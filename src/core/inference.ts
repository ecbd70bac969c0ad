import type { RequestContext } from "./context.ts";
import type { Signature } from "./signature.ts";
import type { Tensor } from "./tensor.ts";

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };
export type ParameterValue = string | number | bigint | boolean;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Which model a request is for. Namespace and name are its identity; a version is a numbered folder of its artefact. */
export interface Target {
  readonly namespace: string;
  readonly name: string;
  readonly version?: string;
  readonly method?: string;
  /** Name or tag of a revision. */
  readonly revision?: string;
}

/**
 * What travels between protocols and models.
 * - `tensors`: the Open Inference Protocol's form;
 * - `rows`: V1's instances, one JSON value per row;
 * - `columns`: V1's columnar form, one JSON array per input name;
 * - `json`: a free-form answer of a custom model.
 */
export type Payload =
  | { readonly kind: "tensors"; readonly tensors: readonly Tensor[] }
  | { readonly kind: "rows"; readonly rows: readonly JsonValue[] }
  | { readonly kind: "columns"; readonly columns: Readonly<Record<string, JsonValue>> }
  | { readonly kind: "json"; readonly value: JsonValue };

export interface InferRequest {
  readonly target: Target;
  readonly payload: Payload;
  /** Names of the outputs wanted, in that order; absent means the method's own default. */
  readonly outputs?: readonly string[];
  readonly parameters?: Parameters;
  readonly context: RequestContext;
  /** The signature that the payload has been bound to already. */
  readonly boundTo?: Signature;
}

export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  /** {@link ModelStatus.id} of the version that answers. */
  readonly modelId?: string;
  /** One answer, or a stream of them when the method streams. */
  readonly output: Payload | AsyncIterable<Payload>;
}

export function isStream(output: Payload | AsyncIterable<Payload>): output is AsyncIterable<Payload> {
  return Symbol.asyncIterator in output;
}
