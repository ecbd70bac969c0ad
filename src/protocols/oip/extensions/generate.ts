import { ServeError } from "../../../core/errors.ts";
import type { JsonValue, Parameters, ParameterValue, Payload } from "../../../core/inference.ts";
import type { Signature, TensorSpec } from "../../../core/signature.ts";
import { elementCount, type Tensor } from "../../../core/tensor.ts";
import { readData } from "../../../encodings/index.ts";
import { describe, elementWriter, isObject, type JsonObject, unexpected } from "../../shared/index.ts";
import { outputsOf } from "../rest/encode.ts";

/** Bytes. */
const LARGEST_BY_HAND = 64 * 1024;

export interface GenerateRequest {
  readonly id?: string;
  readonly tensors: readonly Tensor[];
  readonly parameters?: Parameters;
}

/**
 * Triton's generate extension: a key that is an input's name is that tensor, one value or a flat list, everything else is a parameter; so are
 * the keys of `parameters`.
 * @throws ServeError INVALID_ARGUMENT, with Triton's words where its clients look for them
 */
export function readGenerate(body: JsonObject, { inputs }: Signature, model: string): GenerateRequest {
  if (inputs.length === 0) {
    throw new ServeError("INVALID_ARGUMENT", `model '${model}' does not say which inputs it has, which generate goes by; use infer`);
  }
  const byName = new Map(inputs.map((spec) => [spec.name, spec]));
  const tensors: Tensor[] = [];
  const parameters: Record<string, ParameterValue> = {};
  const read = (fields: JsonObject): void => {
    for (const [name, value] of Object.entries(fields)) {
      const spec = byName.get(name);
      if (spec === undefined) parameters[name] = parameterOf(name, value);
      else if (tensors.some((tensor) => tensor.name === name)) throw wrong(`input '${name}' already exists in request`);
      else tensors.push(tensorOf(spec, value));
    }
  };
  const { id, parameters: nested, ...fields } = body;
  read(fields);
  if (nested !== undefined) {
    if (byName.has("parameters")) throw wrong("Keyword 'parameters' for nested schema also given as input tensor name");
    if (!isObject(nested)) throw wrong("Expected JSON object for keyword: 'parameters'");
    try {
      read(nested);
    } catch (error) {
      throw error instanceof ServeError ? new ServeError(error.code, `Converting keyword: 'parameters': ${error.message}`) : error;
    }
  }
  if (id !== undefined && typeof id !== "string") throw unexpected("id", "a string", id);
  return {
    tensors,
    ...(id === undefined || id === "" ? {} : { id }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
  };
}

/**
 * JSON lets a key be there twice, of which the later one counts; a tensor that is there twice is a mistake.
 * @throws ServeError INVALID_ARGUMENT
 */
export function assertNoneTwice(body: Uint8Array, { inputs }: Signature): void {
  // To look takes time, and such mistakes are made by hand.
  if (body.byteLength > LARGEST_BY_HAND) return;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  const names = new Set(inputs.map(({ name }) => name));
  const seen = new Set<string>();
  let depth = 0;
  for (const [token, , isKey] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*)(:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (isKey !== undefined && depth === 1) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (seen.has(key) && names.has(key)) throw wrong(`input '${key}' already exists in request`);
      seen.add(key);
    }
  }
}

function parameterOf(name: string, value: JsonValue): ParameterValue {
  if (typeof value !== "object") return value;
  throw wrong(`parameter '${name}' has invalid type. It should be either 'int', 'bool', or 'string', got ${describe(value)}`);
}

function tensorOf(spec: TensorSpec, value: JsonValue): Tensor {
  const { name, datatype } = spec;
  const values = Array.isArray(value) ? value : [value];
  const [type, noun] = datatype === "BYTES" ? ["string", "string"] : datatype === "BOOL" ? ["boolean", "boolean"] : ["", ""];
  if (type !== "" && values.some((each) => typeof each !== type)) {
    throw wrong(
      `attempt to access JSON non-${noun} as ${noun}: input '${name}' is ${describe(values.find((each) => typeof each !== type))}`,
    );
  }
  return readData(name, datatype, shapeFor(spec, values.length), values);
}

/** Fixed dimensions take their share of the elements, the innermost variable one the rest; other variable ones are 1. */
function shapeFor({ name, shape }: TensorSpec, count: number): number[] {
  const fixed = elementCount(shape.filter((dimension) => dimension !== -1));
  const innermost = shape.lastIndexOf(-1);
  const rest = fixed === 0 ? 0 : count / fixed;
  if (!Number.isInteger(rest) || (innermost < 0 && rest !== 1)) {
    throw wrong(`The schema can not convert input '${name}' to tensor with proper shape: ${count} values for [${shape}]`);
  }
  return shape.map((dimension, axis) => (dimension !== -1 ? dimension : axis === innermost ? rest : 1));
}

/** One answer as JSON text: an output of one element is that element, others are flat lists. */
export function writeGenerated(
  { modelName, modelVersion, id }: { readonly modelName: string; readonly modelVersion: string; readonly id: string | undefined },
  payload: Payload,
): string {
  const fields = [
    ...(id === undefined ? [] : [`"id":${JSON.stringify(id)}`]),
    `"model_name":${JSON.stringify(modelName)}`,
    `"model_version":${JSON.stringify(modelVersion)}`,
  ];
  for (const { tensor } of outputsOf(payload)) {
    const count = elementCount(tensor.shape);
    const values = elementWriter(tensor, { nonFinite: () => "null", notText: () => notText(tensor) })(0, count);
    fields.push(`${JSON.stringify(tensor.name)}:${count === 1 ? values : `[${values}]`}`);
  }
  return `{${fields.join(",")}}`;
}

function notText({ name }: Tensor): string {
  throw wrong(`output '${name}' holds bytes that are not UTF-8 text; ask infer for it, with "binary_data": true`);
}

/** @throws ServeError INVALID_ARGUMENT unless there is exactly one */
export async function onlyAnswer(payloads: AsyncIterable<Payload>): Promise<Payload> {
  const answers: Payload[] = [];
  for await (const payload of payloads) {
    answers.push(payload);
    if (answers.length > 1) break;
  }
  const [only] = answers;
  if (only !== undefined && answers.length === 1) return only;
  const got = answers.length === 0 ? "0" : "more than 1";
  throw wrong(
    `generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses: got ${got}`,
  );
}

function wrong(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
