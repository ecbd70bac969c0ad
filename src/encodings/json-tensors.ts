import type { JsonValue } from "../core/inference.ts";
import { allocateElements, bytesOf, type Tensor } from "../core/tensor.ts";
import { isObject } from "./json-value.ts";

/**
 * What a number of JSON is. JSON.parse does not tell 1.0 from 1: "whole" takes numbers without a fraction for integers; "bigint" is for
 * values whose integers are all bigints, so that a number is a float whatever its fraction.
 */
export type IntegerRule = "whole" | "bigint";

const INT64 = { least: -(2n ** 63n), most: 2n ** 63n - 1n };
const MOST_UINT64 = 2n ** 64n - 1n;
const encoder = new TextEncoder();

/**
 * Lists in lists as a tensor: numbers as INT64, UINT64 or FP64 (null is NaN), texts and `{"b64": ...}` as BYTES, booleans as BOOL; one
 * value without a list is [1]. Undefined for what is not rectangular, or of several kinds.
 */
export function tensorOfJson(name: string, value: JsonValue, integers: IntegerRule = "whole"): Tensor | undefined {
  if (!Array.isArray(value)) return tensorOfJson(name, [value], integers);
  const shape: number[] = [];
  for (let inner: JsonValue = value; Array.isArray(inner); inner = inner[0] as JsonValue) {
    shape.push(inner.length);
    if (inner.length === 0) break;
  }
  const elements: JsonValue[] = [];
  return collect(value, shape, 0, elements) ? tensorOf(name, shape, elements, integers) : undefined;
}

/**
 * V1's rows as tensors: objects that all have the same keys give one for each key, anything else one of the given name. Undefined where
 * {@link tensorOfJson} is.
 */
export function tensorsOfRows(rows: readonly JsonValue[], name: string, integers: IntegerRule = "whole"): Tensor[] | undefined {
  const [first] = rows;
  if (isObject(first) && textOf(first) === undefined) {
    const keys = Object.keys(first);
    const alike = rows.every(
      (row) => isObject(row) && Object.keys(row).length === keys.length && keys.every((key) => Object.hasOwn(row, key)),
    );
    if (!alike || keys.length === 0) return undefined;
    return allOf(
      keys.map((key) =>
        tensorOfJson(
          key,
          rows.map((row) => (row as { [key: string]: JsonValue })[key] as JsonValue),
          integers,
        ),
      ),
    );
  }
  return allOf([tensorOfJson(name, [...rows], integers)]);
}

/** One tensor for each key. Undefined where {@link tensorOfJson} is. */
export function tensorsOfColumns(columns: Readonly<Record<string, JsonValue>>, integers: IntegerRule = "whole"): Tensor[] | undefined {
  return allOf(Object.entries(columns).map(([name, value]) => tensorOfJson(name, value, integers)));
}

function allOf(tensors: ReadonlyArray<Tensor | undefined>): Tensor[] | undefined {
  return tensors.every((tensor) => tensor !== undefined) ? [...tensors] : undefined;
}

/** The elements in row-major order; false when the lists are not as long as the shape says. */
function collect(value: JsonValue, shape: readonly number[], axis: number, into: JsonValue[]): boolean {
  const length = shape[axis];
  if (length === undefined) {
    into.push(value);
    return !Array.isArray(value);
  }
  if (!Array.isArray(value) || value.length !== length) return false;
  for (const inner of value) if (!collect(inner, shape, axis + 1, into)) return false;
  return true;
}

function tensorOf(name: string, shape: readonly number[], elements: readonly JsonValue[], integers: IntegerRule): Tensor | undefined {
  const [first] = elements;
  if (typeof first === "boolean") {
    if (!elements.every((element) => typeof element === "boolean")) return undefined;
    return { name, datatype: "BOOL", shape, data: Uint8Array.from(elements, Number) };
  }
  if (first !== undefined && textOf(first) !== undefined) {
    const data = elements.map(textOf);
    return data.every((bytes) => bytes !== undefined) ? { name, datatype: "BYTES", shape, data: [...data] } : undefined;
  }
  return ofNumbers(name, shape, elements, integers);
}

/** The bytes of a text or of V1's `{"b64": ...}`. */
function textOf(value: JsonValue): Uint8Array | undefined {
  if (typeof value === "string") return encoder.encode(value);
  if (!isObject(value) || typeof value.b64 !== "string" || Object.keys(value).length !== 1) return undefined;
  return Buffer.from(value.b64, "base64");
}

function ofNumbers(name: string, shape: readonly number[], elements: readonly JsonValue[], integers: IntegerRule): Tensor | undefined {
  if (elements.length > 0 && elements.every((element) => element === null)) return undefined;
  let whole = elements.length > 0;
  let negative = false;
  let [least, most] = [0n, 0n];
  for (const element of elements) {
    if (typeof element === "bigint") {
      if (element < least) least = element;
      if (element > most) most = element;
    } else if (typeof element !== "number" && element !== null) return undefined;
    else if (element === null || integers === "bigint" || !Number.isSafeInteger(element) || Object.is(element, -0)) whole = false;
    else negative ||= element < 0;
  }
  const inInt64 = least >= INT64.least && most <= INT64.most;
  const inUint64 = !negative && least === 0n && most <= MOST_UINT64;
  const datatype = whole && inInt64 ? "INT64" : whole && inUint64 ? "UINT64" : "FP64";
  const array = allocateElements(datatype, elements.length);
  for (let index = 0; index < elements.length; index++) {
    const element = elements[index] as number | bigint | null;
    array[index] = (element === null ? Number.NaN : datatype === "FP64" ? Number(element) : BigInt(element)) as never;
  }
  return { name, datatype, shape, data: bytesOf(array) };
}
