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
  /** Only a model of this service is meant, which has another name. */
  readonly service?: string;
}

/**
 * What travels between protocols and models.
 * - `tensors`: the Open Inference Protocol's form; an answer may have parameters that its model has set;
 * - `rows`: V1's instances, one JSON value per row;
 * - `columns`: V1's columnar form, one JSON array per input name;
 * - `json`: a free-form answer of a custom model;
 * - `raw`: a body that only the model's own server understands, as it came, and what that server answered.
 */
export type Payload =
  | { readonly kind: "tensors"; readonly tensors: readonly Tensor[]; readonly parameters?: Parameters }
  | { readonly kind: "rows"; readonly rows: readonly JsonValue[] }
  | { readonly kind: "columns"; readonly columns: Readonly<Record<string, JsonValue>> }
  | { readonly kind: "json"; readonly value: JsonValue }
  | RawPayload;

export interface RawPayload {
  readonly kind: "raw";
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Of a request. */
  readonly call?: RawCall;
}

/** How a server is asked: its path follows the protocol's, such as `:explain` of V1 and `/chat/completions` of OpenAI. */
export interface RawCall {
  readonly protocol: "v1" | "openai";
  readonly path: string;
  /** The answer comes in pieces, each of them a payload. */
  readonly stream: boolean;
  /** Where in the body the model's name stands, without its quotes; undefined where it is not in the body. `bodyNaming` writes another one there. */
  readonly modelName?: BodyRange;
}

/** Bytes of a body. */
export interface BodyRange {
  readonly from: number;
  /** The first one behind it. */
  readonly to: number;
}

export interface InferRequest {
  readonly target: Target;
  readonly payload: Payload;
  /** Names of the outputs wanted, in that order; absent means the method's own default. */
  readonly outputs?: readonly string[] | undefined;
  readonly parameters?: Parameters | undefined;
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

const decoder = new TextDecoder();

/** The value of an answer without tensors; a raw one is the JSON that it is, else its text. */
export function jsonValueOf(payload: Exclude<Payload, { kind: "tensors" }>): JsonValue {
  switch (payload.kind) {
    case "json":
      return payload.value;
    case "rows":
      return [...payload.rows];
    case "columns":
      return { ...payload.columns };
    case "raw": {
      const text = decoder.decode(payload.body);
      try {
        return JSON.parse(text) as JsonValue;
      } catch {
        return text;
      }
    }
  }
}

export function isStream(output: Payload | AsyncIterable<Payload>): output is AsyncIterable<Payload> {
  return Symbol.asyncIterator in output;
}
