import { ServeError } from "../../core/errors.ts";
import type { HttpRequest } from "../../core/http.ts";
import type { Parameters, Payload } from "../../core/inference.ts";
import { describe, isObject, type JsonObject, parametersOf, parseJson, unexpected } from "../shared/index.ts";
import { type Attributes, openEnvelope } from "./cloud-events.ts";

export interface DecodedPredict {
  readonly payload: Payload;
  readonly parameters?: Parameters;
  /** Which of the two keys held the payload. */
  readonly form: "instances" | "inputs";
  /** TensorFlow Serving's `signature_name`: the method to call. */
  readonly method?: string;
  /** Of the CloudEvent in structured mode that the body was. */
  readonly event?: Attributes;
}

/**
 * A V1 body, alone or as the data of a CloudEvent in structured mode: `inputs` or `instances` as a list are rows, `inputs` as an object
 * are columns; `signature_name` is a method.
 * @throws ServeError INVALID_ARGUMENT
 */
export function decodePredict(bytes: Uint8Array): DecodedPredict {
  const whole = parseJson(bytes);
  const envelope = isObject(whole) ? openEnvelope(whole) : undefined;
  const body = envelope === undefined ? whole : envelope.data;
  if (!isObject(body)) throw unexpected(envelope === undefined ? "body" : "data", 'an object with "instances" or "inputs"', body);
  const payload = payloadOf(body);
  const parameters = parametersOf(body.parameters, "parameters");
  const method = body.signature_name;
  if (method !== undefined && method !== null && typeof method !== "string") throw unexpected("signature_name", "a string", method);
  return {
    payload,
    form: body.inputs === undefined || body.inputs === null ? "instances" : "inputs",
    ...(parameters === undefined ? {} : { parameters }),
    ...(typeof method === "string" && method !== "" ? { method } : {}),
    ...(envelope === undefined ? {} : { event: envelope.attributes }),
  };
}

/** Sent by clients that say nothing of their JSON, curl's `-d` among them. */
const SAYS_NOTHING = ["application/x-www-form-urlencoded", "application/octet-stream"];
const OPENING_BRACE = 0x7b;

/**
 * Whether a body is what the model is to get and not JSON about it: it has another content type, and does not look like a JSON object all
 * the same.
 */
export function isRaw({ "content-type": type }: HttpRequest["headers"], body: Uint8Array): boolean {
  if (typeof type !== "string" || /[/+]json\b/i.test(type) || SAYS_NOTHING.some((each) => type.toLowerCase().startsWith(each)))
    return false;
  const first = body.find((byte) => byte > 0x20);
  return first !== undefined && first !== OPENING_BRACE;
}

/** A whole body as the one instance of a model that takes bytes, as {@link decodePredict} would read it from `{"b64": ...}`. */
export function decodeRaw(body: Uint8Array): DecodedPredict {
  const b64 = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("base64");
  return { payload: { kind: "rows", rows: [{ b64 }] }, form: "instances" };
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
