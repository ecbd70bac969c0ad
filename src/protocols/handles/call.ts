import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpHead, HttpReply, HttpRequest } from "../../core/http.ts";
import { type InferResponse, isStream, type JsonValue, type Payload } from "../../core/inference.ts";
import {
  decodeInputs,
  encodeAnswer,
  framed,
  JSON_LENGTH_HEADER,
  type LocalCall,
  MODEL_ID_HEADER,
  STREAM_TYPE,
} from "../../handles/index.ts";
import { codedBody, isObject, parametersOf, parseJson, targetOf, unexpected } from "../shared/index.ts";

const encoder = new TextEncoder();

/** The call of a request, and the one version that may answer it. @throws ServeError INVALID_ARGUMENT */
export function decodeCall(request: HttpRequest, streams: boolean): LocalCall {
  const { headers, body, query } = request;
  const jsonLength = lengthOf(headers[JSON_LENGTH_HEADER], body.byteLength);
  const json = parseJson(body.subarray(0, jsonLength));
  if (!isObject(json)) throw unexpected("body", 'an object with "inputs"', json);
  const method = query.get("method") ?? undefined;
  return {
    target: targetOf({ headers, params: method === undefined ? request.params : { ...request.params, method } }),
    inputs: decodeInputs(json.inputs, body.subarray(jsonLength)),
    outputs: namesOf(json.outputs),
    parameters: parametersOf(json.parameters, "parameters"),
    streams,
  };
}

/** To be called before the body is read. @throws ServeError INVALID_ARGUMENT */
export function holdModel({ headers, context }: HttpHead): void {
  const id = headers[MODEL_ID_HEADER];
  if (id === undefined) return;
  if (typeof id !== "string" || id.length > 64)
    throw new ServeError("INVALID_ARGUMENT", `header ${MODEL_ID_HEADER}: expected the id of a model`);
  context.modelId = id;
}

function lengthOf(header: string | string[] | undefined, bodyLength: number): number {
  if (header === undefined) return bodyLength;
  const length = typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
  if (length <= bodyLength) return length;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `${JSON_LENGTH_HEADER}: expected the length of the JSON, at most the body's ${bodyLength} bytes`,
  );
}

function namesOf(outputs: JsonValue | undefined): readonly string[] | undefined {
  if (outputs === undefined || outputs === null) return undefined;
  if (Array.isArray(outputs) && outputs.every((name) => typeof name === "string")) return outputs as string[];
  throw unexpected("outputs", "a list of names", outputs);
}

/** One answer, binary where it has tensors, or a stream of them. */
export function replyOf({ modelName, modelVersion, modelId = "", output }: InferResponse, context: RequestContext): HttpReply {
  const head = { model_name: modelName, model_version: modelVersion };
  const headers = { [MODEL_ID_HEADER]: modelId };
  if (isStream(output)) return { status: 200, headers: { ...headers, "Content-Type": STREAM_TYPE }, body: pieces(output, context) };
  const { json, blobs } = encodeAnswer(output, head);
  if (blobs.length === 0) return { status: 200, headers: { ...headers, "Content-Type": "application/json" }, body: json };
  return {
    status: 200,
    headers: { ...headers, "Content-Type": "application/octet-stream", [JSON_LENGTH_HEADER]: String(json.byteLength) },
    body: [json, ...blobs],
  };
}

/** The last piece says that it is the last, or why there are no more: a stream that is cut off is not taken for a whole one. */
async function* pieces(payloads: AsyncIterable<Payload>, context: RequestContext): AsyncGenerator<Uint8Array> {
  let begun = false;
  try {
    for await (const payload of payloads) {
      const piece = framed(encodeAnswer(payload, {}));
      begun = true;
      yield piece;
    }
  } catch (thrown) {
    if (!begun) throw thrown;
    const error = ServeError.from(thrown);
    context.record.outcome = error.code;
    yield framed({ json: encoder.encode(codedBody(error)), blobs: [] });
    return;
  }
  yield framed({ json: encoder.encode('{"end":true}'), blobs: [] });
}
