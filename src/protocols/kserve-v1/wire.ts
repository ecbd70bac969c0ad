import type { JsonValue, Parameters } from "../../core/inference.ts";

/** Body of POST /v1/models/{model}:predict. `inputs` wins when both are given. */
export interface PredictRequest {
  /** One value per row: a scalar, nested lists, a string, or an object of columns. */
  readonly instances?: readonly JsonValue[];
  /** The same as `instances`, or one list per input name. */
  readonly inputs?: readonly JsonValue[] | Readonly<Record<string, JsonValue>>;
  readonly parameters?: Parameters;
}

/** Its answer, and each line or event of a streaming model. */
export interface PredictResponse {
  readonly predictions: JsonValue;
}

export interface ErrorResponse {
  readonly error: string;
}
