import { ServeError } from "../core/errors.ts";
import type { JsonValue } from "../core/inference.ts";
import { allocateElements, bytesOf, type Datatype, elementCount, type NumericDatatype, type Tensor } from "../core/tensor.ts";
import { describe } from "./json-value.ts";

/** What `data` may hold of each datatype, for messages. */
const EXPECTED: Readonly<Record<Exclude<Datatype, "FP16" | "BF16">, string>> = {
  BOOL: "true or false",
  UINT8: "a whole number from 0 to 255",
  UINT16: "a whole number from 0 to 65535",
  UINT32: "a whole number from 0 to 4294967295",
  UINT64: "a whole number from 0 to 18446744073709551615",
  INT8: "a whole number from -128 to 127",
  INT16: "a whole number from -32768 to 32767",
  INT32: "a whole number from -2147483648 to 2147483647",
  INT64: "a whole number from -9223372036854775808 to 9223372036854775807",
  FP32: "a number up to 3.4028235e38",
  FP64: "a number up to 1.7976931348623157e308",
  BYTES: "a string",
};

export const BOUNDS: Readonly<Partial<Record<NumericDatatype, readonly [number | bigint, number | bigint]>>> = {
  UINT8: [0, 255],
  UINT16: [0, 65535],
  UINT32: [0, 4294967295],
  INT8: [-128, 127],
  INT16: [-32768, 32767],
  INT32: [-2147483648, 2147483647],
  UINT64: [0n, 18446744073709551615n],
  INT64: [-9223372036854775808n, 9223372036854775807n],
};

/** What rounds to infinity is no value of the datatype. */
export const FLOAT_LIMITS = { FP32: 3.4028235677973366e38, FP64: Number.MAX_VALUE } as const;

const encoder = new TextEncoder();

/**
 * A tensor from the `data` of a JSON request, flat or nested as its shape says.
 * @throws ServeError INVALID_ARGUMENT for a value outside of the datatype, named by its index, and for a wrong number of values
 */
export function readData(name: string, datatype: Datatype, shape: readonly number[], data: JsonValue | undefined): Tensor {
  if (datatype === "FP16" || datatype === "BF16") {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `input '${name}': receiving ${datatype} data via JSON is not supported. Please use the binary data format for input '${name}'`,
    );
  }
  if (!Array.isArray(data)) {
    // A tensor without dimensions may be its element alone.
    if (shape.length === 0 && data !== undefined) return readData(name, datatype, shape, [data]);
    throw new ServeError(
      "INVALID_ARGUMENT",
      `input '${name}': data must be a list of ${elementCount(shape)} values, got ${describe(data)}`,
    );
  }
  const count = elementCount(shape);
  const flat = Array.isArray(data[0]) ? flatten(name, data, shape, 0, []) : data;
  if (flat.length !== count) {
    throw new ServeError("INVALID_ARGUMENT", `input '${name}': shape [${shape}] has ${count} elements, but data has ${flat.length}`);
  }
  if (datatype === "BYTES") return { name, datatype, shape, data: flat.map((value, index) => encodeText(name, value, index)) };
  return { name, datatype, shape, data: fill(name, datatype, flat) };
}

function fill(name: string, datatype: Exclude<NumericDatatype, "FP16" | "BF16">, values: readonly JsonValue[]): Uint8Array {
  const elements = allocateElements(datatype, values.length) as { [index: number]: number | bigint };
  if (datatype === "FP32" || datatype === "FP64") {
    const limit = FLOAT_LIMITS[datatype];
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (typeof value === "number" && value <= limit && value >= -limit) elements[index] = value;
      // What this server answers for NaN is null, so it takes it back.
      else if (value === null) elements[index] = Number.NaN;
      else if (typeof value === "bigint") elements[index] = Number(value);
      else throw wrongValue(name, datatype, value, index);
    }
  } else if (datatype === "BOOL") {
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (typeof value === "boolean") elements[index] = value ? 1 : 0;
      else throw wrongValue(name, datatype, value, index);
    }
  } else {
    const [least, most] = BOUNDS[datatype] as readonly [number | bigint, number | bigint];
    const wide = typeof least === "bigint";
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      const whole = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
      if (!whole || value < least || value > most) throw wrongValue(name, datatype, value, index);
      elements[index] = wide ? BigInt(value) : Number(value);
    }
  }
  return bytesOf(elements as unknown as ReturnType<typeof allocateElements>);
}

function flatten(name: string, values: JsonValue, shape: readonly number[], axis: number, into: JsonValue[]): JsonValue[] {
  const length = shape[axis];
  if (length === undefined) {
    // Triton reads data as one flat list, so its clients may wrap an element in lists of their own.
    let element = values;
    while (Array.isArray(element) && element.length === 1) element = element[0] as JsonValue;
    if (Array.isArray(element))
      throw new ServeError("INVALID_ARGUMENT", `input '${name}': data is nested deeper than shape [${shape}] says`);
    into.push(element);
    return into;
  }
  if (!Array.isArray(values))
    throw new ServeError("INVALID_ARGUMENT", `input '${name}': data is nested less deep than shape [${shape}] says`);
  if (values.length !== length) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `input '${name}': a list of ${values.length} values in data, where shape [${shape}] says ${length}`,
    );
  }
  for (const value of values) flatten(name, value, shape, axis + 1, into);
  return into;
}

function encodeText(name: string, value: JsonValue, index: number): Uint8Array {
  if (typeof value !== "string") throw wrongValue(name, "BYTES", value, index);
  return encoder.encode(value);
}

function wrongValue(name: string, datatype: keyof typeof EXPECTED, value: JsonValue | undefined, index: number): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `input '${name}': data[${index}] is ${describe(value)}, expected ${EXPECTED[datatype]} for ${datatype}`,
  );
}
