import { firstLine } from "../../core/errors.ts";
import type { ModelStatus } from "../../core/model.ts";
import { defaultMethodOf } from "../../core/replica.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import type { Datatype } from "../../core/tensor.ts";

/**
 * What TensorFlow Serving's REST API has besides KServe's V1: the state of versions and the definitions of signatures (its
 * documentation, api_rest.md). Its clients look for both.
 */

/** TensorFlow's names of the element types (types.proto). */
const TYPES: Readonly<Record<Datatype, string>> = {
  BOOL: "DT_BOOL",
  UINT8: "DT_UINT8",
  UINT16: "DT_UINT16",
  UINT32: "DT_UINT32",
  UINT64: "DT_UINT64",
  INT8: "DT_INT8",
  INT16: "DT_INT16",
  INT32: "DT_INT32",
  INT64: "DT_INT64",
  FP16: "DT_HALF",
  BF16: "DT_BFLOAT16",
  FP32: "DT_FLOAT",
  FP64: "DT_DOUBLE",
  BYTES: "DT_STRING",
};

const SERVING_DEFAULT = "serving_default";

/** Models whose clients may be TensorFlow Serving's. */
export function isTensorFlow({ format }: ModelStatus): boolean {
  return format === "tensorflow" || format === "keras";
}

/** KServe's `{name, ready}` with `model_version_status`, the newest version first. */
export function versionStatus({ name, answers }: ModelStatus, versions: readonly ModelStatus[]): string {
  const states = [...versions].reverse().map(({ version, answers: available, state, reason }) => ({
    version,
    state: available ? "AVAILABLE" : state === "failed" ? "END" : "LOADING",
    status: state === "failed" ? { error_code: "UNKNOWN", error_message: firstLine(reason) } : { error_code: "OK", error_message: "" },
  }));
  return JSON.stringify({ name, ready: answers, model_version_status: states });
}

/** `{model_spec, metadata: {signature_def}}`; the default method is there as `serving_default` too. */
export function signatureDefinitions({ name, version, description }: ModelStatus): string {
  const methods = description?.methods ?? {};
  const fallback = description === undefined ? undefined : defaultMethodOf(description);
  const entries = Object.entries(methods).map(([method, signature]) => [method, definition(signature)] as const);
  const alias = fallback !== undefined && !Object.hasOwn(methods, SERVING_DEFAULT) ? methods[fallback] : undefined;
  const definitions = Object.fromEntries([...entries, ...(alias === undefined ? [] : [[SERVING_DEFAULT, definition(alias)] as const])]);
  return JSON.stringify({
    model_spec: { name, signature_name: "", version },
    metadata: { signature_def: { signature_def: definitions } },
  });
}

function definition({ inputs, outputs }: Signature): object {
  return { inputs: tensors(inputs), outputs: tensors(outputs), method_name: "tensorflow/serving/predict", defaults: {} };
}

function tensors(specs: readonly TensorSpec[]): object {
  return Object.fromEntries(
    specs.map(({ name, datatype, shape }) => [
      name,
      {
        dtype: TYPES[datatype],
        tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: "" })), unknown_rank: false },
        name: `${name}:0`,
      },
    ]),
  );
}
