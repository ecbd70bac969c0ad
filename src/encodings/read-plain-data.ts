import {
  allocatePooled,
  bytesOf,
  type Datatype,
  elementCount,
  type NumericArray,
  type NumericDatatype,
  type Tensor,
} from "../core/tensor.ts";
import type { PlainJson } from "./plain-json.ts";
import { BOUNDS, FLOAT_LIMITS } from "./read-data.ts";

const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The least and the largest element. */
const RANGES: Readonly<Partial<Record<Datatype, readonly [number, number]>>> = {
  ...(BOUNDS as Readonly<Record<string, readonly [number, number]>>),
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  FP32: [-FLOAT_LIMITS.FP32, FLOAT_LIMITS.FP32],
  FP64: [-FLOAT_LIMITS.FP64, FLOAT_LIMITS.FP64],
};

/**
 * What {@link readData} makes of a `data` that has not been parsed, flat or nested as its shape says. Undefined for what is wrong or rare:
 * no elements, booleans, null, and integers that a double may not hold. Then nothing more is to be read from `json`.
 */
export function readPlainData(json: PlainJson, name: string, datatype: Datatype, shape: readonly number[]): Tensor | undefined {
  const count = elementCount(shape);
  if (count === 0 || count > json.bytesLeft || !json.take(OPEN_BRACKET)) return undefined;
  const lengths = json.peek() === OPEN_BRACKET ? shape : [count];
  if (datatype === "BYTES") {
    const data: Uint8Array[] = [];
    return readList(json, lengths, 0, () => readText(json, data)) ? { name, datatype, shape, data } : undefined;
  }
  const range = RANGES[datatype];
  if (range === undefined) return undefined;
  const elements = allocatePooled(datatype as NumericDatatype, count);
  return readList(json, lengths, 0, numberReader(json, datatype, elements, range))
    ? { name, datatype, shape, data: bytesOf(elements) }
    : undefined;
}

/** Whether there are lists of these lengths in each other, the first of which has been opened, and what they have inside can be read. */
function readList(json: PlainJson, lengths: readonly number[], axis: number, readElement: () => boolean): boolean {
  const length = lengths[axis] as number;
  const isInnermost = axis === lengths.length - 1;
  for (let index = 0; index < length; index++) {
    if (index > 0 && !json.take(COMMA)) return false;
    if (!(isInnermost ? readElement() : json.take(OPEN_BRACKET) && readList(json, lengths, axis + 1, readElement))) return false;
  }
  return json.take(CLOSE_BRACKET);
}

function readText(json: PlainJson, into: Uint8Array[]): boolean {
  const text = json.utf8();
  if (text === undefined) return false;
  into.push(text);
  return true;
}

function numberReader(
  json: PlainJson,
  datatype: Datatype,
  elements: NumericArray,
  [least, most]: readonly [number, number],
): () => boolean {
  const isSingle = datatype === "FP32";
  const isFloat = isSingle || datatype === "FP64";
  let index = 0;
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) {
    return () => {
      const value = json.number();
      if (!(value >= least && value <= most) || !Number.isInteger(value)) return false;
      elements[index++] = BigInt(value);
      return true;
    };
  }
  return () => {
    const value = isSingle ? json.single() : json.number();
    // NaN is not in the range either.
    if (!(value >= least && value <= most) || !(isFloat || Number.isInteger(value))) return false;
    elements[index++] = value;
    return true;
  };
}
