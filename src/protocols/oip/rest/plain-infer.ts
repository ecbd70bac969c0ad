import type { JsonValue } from "../../../core/inference.ts";
import { type Datatype, isDatatype, type Tensor } from "../../../core/tensor.ts";
import { PlainJson, readPlainData } from "../../../encodings/index.ts";
import type { JsonObject } from "../../shared/index.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Bytes of JSON that cannot have more strings, lists and objects than the parser takes. */
const MAX_BYTES = 1024 * 1024;
const REST = ["id", "parameters", "outputs"] as const;
const MAX_TENSORS = 64;
const MAX_RANK = 8;
const MAX_NAME = 256;

/** An infer request whose inputs have been read; `rest` is what else it has. */
export interface PlainInfer {
  readonly tensors: Tensor[];
  readonly rest: JsonObject;
}

/**
 * An infer request as most clients write it: all inputs have their elements in `data`, which comes last in them, and no parameters. They are read
 * in one pass, without a value for each element. Undefined for all others, right or wrong.
 */
export function readPlainInfer(body: Uint8Array): PlainInfer | undefined {
  if (body.byteLength > MAX_BYTES) return undefined;
  const json = new PlainJson(body);
  const rest: Record<string, JsonValue> = {};
  let tensors: Tensor[] | undefined;
  let separator = OPEN_BRACE;
  do {
    if (!json.take(separator)) return undefined;
    if (tensors === undefined && json.takeKey("inputs")) {
      tensors = readInputs(json);
      if (tensors === undefined) return undefined;
    } else {
      const key = REST.find((each) => rest[each] === undefined && json.takeKey(each));
      if (key === undefined) return undefined;
      const value = json.peek() === QUOTE ? json.ascii() : json.container();
      if (value === undefined) return undefined;
      rest[key] = value;
    }
    separator = COMMA;
  } while (json.peek() === COMMA);
  return json.take(CLOSE_BRACE) && json.ends() && tensors !== undefined ? { tensors, rest } : undefined;
}

function readInputs(json: PlainJson): Tensor[] | undefined {
  const tensors: Tensor[] = [];
  let separator = OPEN_BRACKET;
  do {
    const tensor = json.take(separator) ? readInput(json) : undefined;
    if (tensor === undefined || tensors.push(tensor) > MAX_TENSORS) return undefined;
    separator = COMMA;
  } while (json.peek() === COMMA);
  return json.take(CLOSE_BRACKET) ? tensors : undefined;
}

function readInput(json: PlainJson): Tensor | undefined {
  let name: string | undefined;
  let datatype: Datatype | undefined;
  let shape: number[] | undefined;
  for (let separator = OPEN_BRACE; json.take(separator); separator = COMMA) {
    if (name === undefined && json.takeKey("name")) {
      name = json.ascii();
      if (name === undefined || name.length > MAX_NAME) return undefined;
    } else if (datatype === undefined && json.takeKey("datatype")) {
      const text = json.ascii();
      if (!isDatatype(text)) return undefined;
      datatype = text;
    } else if (shape === undefined && json.takeKey("shape")) {
      shape = readShape(json);
      if (shape === undefined) return undefined;
    } else {
      if (name === undefined || datatype === undefined || shape === undefined || !json.takeKey("data")) return undefined;
      const tensor = readPlainData(json, name, datatype, shape);
      return tensor !== undefined && json.take(CLOSE_BRACE) ? tensor : undefined;
    }
  }
  return undefined;
}

/** Of at least one dimension. */
function readShape(json: PlainJson): number[] | undefined {
  const shape: number[] = [];
  let separator = OPEN_BRACKET;
  do {
    const dimension = json.take(separator) ? json.number() : Number.NaN;
    if (!(dimension >= 0 && Number.isSafeInteger(dimension)) || shape.push(dimension) > MAX_RANK) return undefined;
    separator = COMMA;
  } while (json.peek() === COMMA);
  return json.take(CLOSE_BRACKET) ? shape : undefined;
}
