import type { RequestContext } from "../../../core/context.ts";
import type { HttpReply, HttpRequest } from "../../../core/http.ts";
import type { Payload } from "../../../core/inference.ts";
import { byteSize, type Tensor } from "../../../core/tensor.ts";
import { binaryElements } from "../../../encodings/index.ts";
import { jsonReply, type LargeLimits } from "../../shared/index.ts";
import { type DecodedInfer, JSON_LENGTH_HEADER } from "./decode.ts";
import { type AnswerHead, answerHead, binaryReply, headOf, parametersOf } from "./encode.ts";

/** Reads and writes large bodies outside of the event loop, with the same results and errors. Who composes the server brings it. */
export interface LargeInfer extends LargeLimits {
  /**
   * `headers` has what says how long the JSON is; the memory of `body` may be gone afterwards.
   * @throws ServeError those of decoding, RESOURCE_EXHAUSTED, and why the request was given up
   */
  decode(body: Uint8Array, headers: HttpRequest["headers"], context: RequestContext): Promise<DecodedInfer>;
  /** The elements of each tensor as JSON in UTF-8, with commas between them. */
  write(tensors: readonly Tensor[], context: RequestContext): Promise<readonly Uint8Array[]>;
}

/** Whether the JSON of a request is larger than the limit; binary tensors after it do not count. */
export function isLarge({ body, headers }: HttpRequest, { maxBytes }: LargeLimits): boolean {
  if (body.byteLength <= maxBytes) return false;
  const jsonLength = headers[JSON_LENGTH_HEADER];
  return jsonLength === undefined || Number(jsonLength) > maxBytes;
}

export function decodeLarge(large: LargeInfer, { body, headers, context }: HttpRequest): Promise<DecodedInfer> {
  return large.decode(body, { [JSON_LENGTH_HEADER]: headers[JSON_LENGTH_HEADER] }, context);
}

const encoder = new TextEncoder();

/** The same answer as encodeInfer's, in pieces of UTF-8. */
export async function encodeLarge(
  large: LargeInfer,
  head: AnswerHead,
  payload: Extract<Payload, { kind: "tensors" }>,
  binary: DecodedInfer["binary"],
  context: RequestContext,
): Promise<HttpReply> {
  const { tensors } = payload;
  const written = await large.write(
    tensors.filter(({ name }) => !binary(name)),
    context,
  );
  const json: Uint8Array[] = [];
  const blobs: Uint8Array[] = [];
  let taken = 0;
  let text = `${answerHead(head)}${parametersOf(payload)}"outputs":[`;
  for (const [index, tensor] of tensors.entries()) {
    if (index > 0) text += ",";
    if (binary(tensor.name)) {
      blobs.push(...binaryElements(tensor));
      text += `{${headOf(tensor)},"parameters":{"binary_data_size":${byteSize(tensor)}}}`;
    } else {
      json.push(encoder.encode(`${text}{${headOf(tensor)},"data":[`), written[taken++] as Uint8Array);
      text = "]}";
    }
  }
  json.push(encoder.encode(`${text}]}`));
  return blobs.some((blob) => blob.byteLength > 0) ? binaryReply(json, blobs) : jsonReply(json);
}
