import { ServeError } from "../../core/errors.ts";
import type { Parameters, Payload } from "../../core/inference.ts";
import { describe, isObject, type JsonObject, parametersOf, parseJson, unexpected } from "../shared/index.ts";

export interface DecodedPredict {
  readonly payload: Payload;
  readonly parameters?: Parameters;
  /** Which of the two keys held the payload. */
  readonly form: "instances" | "inputs";
  /** TensorFlow Serving's `signature_name`: the method to call. */
  readonly method?: string;
}

/**
 * A V1 body: `inputs` or `instances` as a list are rows, `inputs` as an object are columns; `signature_name` is a method.
 * @throws ServeError INVALID_ARGUMENT
 */
export function decodePredict(bytes: Uint8Array): DecodedPredict {
  const body = parseJson(bytes);
  if (!isObject(body)) throw unexpected("body", 'an object with "instances" or "inputs"', body);
  const payload = payloadOf(body);
  const parameters = parametersOf(body.parameters, "parameters");
  const method = body.signature_name;
  if (method !== undefined && method !== null && typeof method !== "string") throw unexpected("signature_name", "a string", method);
  return {
    payload,
    form: body.inputs === undefined || body.inputs === null ? "instances" : "inputs",
    ...(parameters === undefined ? {} : { parameters }),
    ...(typeof method === "string" && method !== "" ? { method } : {}),
  };
}

function payloadOf({ inputs, instances }: JsonObject): Payload {
  // KServe's clients send null for what they leave out.
  if (inputs !== undefined && inputs !== null) {
    if (Array.isArray(inputs)) return { kind: "rows", rows: inputs };
    if (isObject(inputs)) return { kind: "columns", columns: inputs };
    throw unexpected("inputs", "a list of rows or an object of columns", inputs);
  }
  if (Array.isArray(instances)) return { kind: "rows", rows: instances };
  throw new ServeError("INVALID_ARGUMENT", `Expected "instances" to be a list, got ${describe(instances)}`);
}
