import type { JsonValue, Parameters } from "../../../core/inference.ts";
import type { Datatype } from "../../../core/tensor.ts";

/** Body of POST /v2/models/{model}/infer (Open Inference Protocol, inference_rest). */
export interface InferRequestBody {
  readonly id?: string;
  readonly parameters?: Parameters;
  readonly inputs: readonly InputTensor[];
  readonly outputs?: readonly RequestedOutput[];
}

export interface InputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  /** `binary_data_size`: the bytes after the JSON that are this tensor's. */
  readonly parameters?: Parameters;
  readonly data?: JsonValue;
}

export interface RequestedOutput {
  readonly name: string;
  /** `binary_data`: answer this output after the JSON. */
  readonly parameters?: Parameters;
}

/** Its answer. */
export interface InferResponseBody {
  readonly model_name: string;
  readonly model_version?: string;
  readonly id: string;
  readonly parameters?: Parameters;
  readonly outputs: readonly InputTensor[];
}
