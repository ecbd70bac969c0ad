import { ServeError } from "../../../core/errors.ts";
import type { HttpReply } from "../../../core/http.ts";
import { jsonValueOf, type Payload } from "../../../core/inference.ts";
import { byteSize, type Tensor } from "../../../core/tensor.ts";
import { binaryElements } from "../../../encodings/index.ts";
import { type ElementRules, elementWriter, jsonReply, writeJson } from "../../shared/index.ts";
import type { DecodedInfer } from "./decode.ts";

const RULES: ElementRules = {
  nonFinite: () => "null",
  notText: (tensor) => {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `output '${tensor.name}' holds bytes that are not UTF-8 text; ask for it with "binary_data": true`,
    );
  },
};

const encoder = new TextEncoder();
const PLAIN = /^[\w .:/-]{0,64}$/;

/** What an answer says besides its outputs. */
export interface AnswerHead {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string | undefined;
}

/** Which outputs have their elements elsewhere, by their names. */
export type Elsewhere = Pick<ReadonlyMap<string, unknown>, "has">;

/** The answer to an infer request: JSON, with the outputs that are to be binary after it. */
export function encodeInfer(head: AnswerHead, payload: Payload, binary: DecodedInfer["binary"], elsewhere?: Elsewhere): HttpReply {
  const blobs: Uint8Array[] = [];
  const outputs: string[] = [];
  for (const { tensor, parameters } of outputsOf(payload)) {
    if (elsewhere?.has(tensor.name) === true) {
      // Triton's client in C++ takes any parameter here for a binary tensor's.
      outputs.push(`{${headOf(tensor)}}`);
    } else if (binary(tensor.name)) {
      blobs.push(...binaryElements(tensor));
      outputs.push(`{${headOf(tensor)},"parameters":{"binary_data_size":${byteSize(tensor)}${parameters}}}`);
    } else {
      outputs.push(`{${headOf(tensor)}${parameters === "" ? "" : `,"parameters":{${parameters.slice(1)}}`},"data":[${writeData(tensor)}]}`);
    }
  }
  const json = `${answerHead(head)}${parametersOf(payload)}"outputs":[${outputs.join(",")}]}`;
  if (!blobs.some((blob) => blob.byteLength > 0)) return jsonReply(json);
  return binaryReply([encoder.encode(json)], blobs);
}

/** JSON in pieces, and binary tensors after it. */
export function binaryReply(json: readonly Uint8Array[], blobs: readonly Uint8Array[]): HttpReply {
  const length = json.reduce((sum, piece) => sum + piece.byteLength, 0);
  return {
    status: 200,
    headers: { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(length) },
    body: [...json, ...blobs],
  };
}

/** One answer as JSON text, for streams. */
export function encodeText(head: AnswerHead, payload: Payload): string {
  return encodeInfer(head, payload, () => false).body as string;
}

export function answerHead({ modelName, modelVersion, id }: AnswerHead): string {
  return `{"model_name":${quote(modelName)},"model_version":"${modelVersion}",${id === undefined ? "" : `"id":${quote(id)},`}`;
}

/** What the model has set on its answer, as JSON with a comma after it. */
export function parametersOf(payload: Payload): string {
  return payload.kind === "tensors" && payload.parameters !== undefined ? `"parameters":${writeJson({ ...payload.parameters })},` : "";
}

export function headOf({ name, shape, datatype }: Tensor): string {
  return `"name":${quote(name)},"shape":[${shape.length === 1 ? shape[0] : shape.join(",")}],"datatype":"${datatype}"`;
}

/** The text as JSON. Names hardly ever have anything to escape, and to see that costs less than to look for it. */
function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** The elements as JSON text with commas between them. @throws ServeError INVALID_ARGUMENT for what JSON cannot hold */
export function writeData(tensor: Tensor): string {
  if (tensor.datatype === "FP16" || tensor.datatype === "BF16") {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `output '${tensor.name}' is ${tensor.datatype}, which cannot be sent via JSON; ask for it with "binary_data": true`,
    );
  }
  let count = 1;
  for (const dimension of tensor.shape) count *= dimension;
  return elementWriter(tensor, RULES)(0, count);
}

/** A free-form answer is one BYTES tensor that says it is JSON. `parameters` is JSON text with a comma before it. */
export function outputsOf(payload: Payload): Array<{ tensor: Tensor; parameters: string }> {
  if (payload.kind === "tensors") return payload.tensors.map((tensor) => ({ tensor, parameters: "" }));
  const tensor: Tensor = { name: "output-0", datatype: "BYTES", shape: [1], data: [encoder.encode(writeJson(jsonValueOf(payload)))] };
  return [{ tensor, parameters: ',"content_type":"application/json"' }];
}
