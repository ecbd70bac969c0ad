import { ServeError } from "../core/errors.ts";
import type { TensorSpec } from "../core/signature.ts";
import { allocateElements, bytesOf, type Datatype, elementCount, type NumericDatatype, type Tensor } from "../core/tensor.ts";
import { brief } from "./brief.ts";

const encoder = new TextEncoder();

const RANGES: Partial<Record<NumericDatatype, readonly [bigint, bigint]>> = {
  UINT8: [0n, 255n],
  UINT16: [0n, 65535n],
  UINT32: [0n, 4294967295n],
  UINT64: [0n, 18446744073709551615n],
  INT8: [-128n, 127n],
  INT16: [-32768n, 32767n],
  INT32: [-2147483648n, 2147483647n],
  INT64: [-9223372036854775808n, 9223372036854775807n],
};

/**
 * Nested JSON lists as a tensor of the declared datatype; the shape is found from the nesting, as numpy does.
 * @throws ServeError INVALID_ARGUMENT for ragged lists and for values outside the datatype, naming where
 */
export function tensorFromValues(spec: TensorSpec, values: unknown, model: string): Tensor {
  const shape = shapeOf(values);
  const { name, datatype } = spec;
  const place = { name, datatype, model };
  // The shape is a guess from the first of each list: memory for it only when there are as many elements.
  checkLengths(values, shape, 0, 0, place);
  const count = elementCount(shape);
  if (datatype === "FP16" || datatype === "BF16") {
    throw new ServeError("INVALID_ARGUMENT", `input '${name}' of model '${model}' is ${datatype}, which only binary tensors can carry`);
  }
  if (datatype === "BYTES") {
    const data: Uint8Array[] = [];
    walk(values, shape, 0, place, (value, index) => {
      const bytes = typeof value === "string" ? encoder.encode(value) : fromBase64(value);
      if (bytes === undefined) throw wrongValue(place, value, index);
      data.push(bytes);
    });
    return { name, datatype, shape, data };
  }
  const elements = allocateElements(datatype, count);
  const convert = converterOf(datatype);
  walk(values, shape, 0, place, (value, index) => {
    const element = convert(value);
    if (element === undefined) throw wrongValue(place, value, index);
    elements[index] = element as never;
  });
  return { name, datatype, shape, data: bytesOf(elements) };
}

/** Base64 without white space, with the padding that it needs. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `{"b64": "..."}`, which is how V1 and TensorFlow Serving write bytes in JSON; undefined for anything else. */
function fromBase64(value: unknown): Uint8Array | undefined {
  if (!isBase64Object(value) || !BASE64.test(value.b64)) return undefined;
  return Buffer.from(value.b64, "base64");
}

/** Whether a JSON value is an object with the only key `b64`, which is text. */
export function isBase64Object(value: unknown): value is { readonly b64: string } {
  if (typeof value !== "object" || value === null || !("b64" in value) || typeof value.b64 !== "string") return false;
  return Object.keys(value).length === 1;
}

interface Place {
  readonly name: string;
  readonly datatype: Datatype;
  readonly model: string;
}

function shapeOf(values: unknown): number[] {
  return Array.isArray(values) ? [values.length, ...(values.length === 0 ? [] : shapeOf(values[0]))] : [];
}

/** Looks at the lists only; returns the index after the last element. */
function checkLengths(values: unknown, shape: readonly number[], axis: number, start: number, place: Place): number {
  const length = shape[axis];
  if (length === undefined) return start + 1;
  if (!Array.isArray(values) || values.length !== length) throw ragged(place, start);
  if (axis === shape.length - 1) return start + length;
  let index = start;
  for (const value of values) index = checkLengths(value, shape, axis + 1, index, place);
  return index;
}

/** Visits every element in row-major order; returns the index after the last one. */
function walk(
  values: unknown,
  shape: readonly number[],
  start: number,
  place: Place,
  visit: (value: unknown, index: number) => void,
): number {
  if (shape.length === 0) {
    if (Array.isArray(values)) throw ragged(place, start);
    visit(values, start);
    return start + 1;
  }
  if (!Array.isArray(values) || values.length !== shape[0]) throw ragged(place, start);
  const rest = shape.slice(1);
  let index = start;
  for (const value of values) index = walk(value, rest, index, place, visit);
  return index;
}

/** What a JSON value is in a datatype; undefined when it is not in it. */
function converterOf(datatype: Exclude<NumericDatatype, "FP16" | "BF16">): (value: unknown) => number | bigint | undefined {
  switch (datatype) {
    case "BOOL":
      return (value) => (typeof value === "boolean" ? Number(value) : value === 0 || value === 1 ? value : undefined);
    case "FP64":
      return toFloat;
    case "FP32":
      return toSingle;
    default:
      return integerConverter(datatype);
  }
}

/** null is NaN, as in data frames; booleans are 0 and 1. */
export function toFloat(value: unknown): number | undefined {
  // A literal like 1e999 has become infinite when it was read.
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value === "bigint" || typeof value === "boolean") return Number(value);
  return value === null ? Number.NaN : undefined;
}

/** What rounds to infinity is no value of FP32. */
const LARGEST_SINGLE = 3.4028235677973366e38;

function toSingle(value: unknown): number | undefined {
  const number = toFloat(value);
  return number !== undefined && Math.abs(number) > LARGEST_SINGLE ? undefined : number;
}

function integerConverter(datatype: NumericDatatype): (value: unknown) => number | bigint | undefined {
  const [least, most] = RANGES[datatype] as readonly [bigint, bigint];
  const wide = datatype === "INT64" || datatype === "UINT64";
  return (value) => {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "bigint" && !(typeof number === "number" && Number.isInteger(number))) return undefined;
    if (number < least || number > most) return undefined;
    return wide ? BigInt(number) : Number(number);
  };
}

function ragged({ name, model }: Place, index: number): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `input '${name}' of model '${model}' must be a rectangular list; at element ${index} the nesting differs from the first one's`,
  );
}

function wrongValue({ name, datatype, model }: Place, value: unknown, index: number): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `input '${name}' of model '${model}': element ${index} is ${brief(value)}, which is not a value of ${datatype}`,
  );
}
