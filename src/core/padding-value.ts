import { ServeError } from "./errors.ts";
import type { TensorSpec } from "./signature.ts";
import { allocateElements, bytesOf, type Datatype } from "./tensor.ts";

const EXPECTED: Partial<Record<Datatype, string>> = {
  BOOL: "true or false",
  BYTES: "text",
  FP16: "0",
  BF16: "0",
  FP32: "a finite number",
  FP64: "a finite number",
};

const encoder = new TextEncoder();

/**
 * The element that stands for a declared padding value: UTF-8 for BYTES, else one little-endian element.
 * @throws ServeError INVALID_ARGUMENT for a value that the input's datatype does not have
 */
export function paddingElement({ name, datatype }: TensorSpec, value: unknown): Uint8Array {
  const element = elementOf(datatype, value);
  if (element !== undefined) return element;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `padding of input '${name}' is ${JSON.stringify(value) ?? "missing"}, and the input is ${datatype}: ` +
      `expected ${EXPECTED[datatype] ?? "a whole number that it can hold"}`,
  );
}

function elementOf(datatype: Datatype, value: unknown): Uint8Array | undefined {
  switch (datatype) {
    case "BYTES":
      return typeof value === "string" ? encoder.encode(value) : undefined;
    case "BOOL":
      return typeof value === "boolean" ? Uint8Array.of(Number(value)) : undefined;
    case "FP16":
    case "BF16":
      return value === 0 ? new Uint8Array(2) : undefined;
  }
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  const elements = allocateElements(datatype, 1);
  if (elements instanceof Float32Array || elements instanceof Float64Array) {
    elements[0] = value;
    return bytesOf(elements);
  }
  if (!Number.isSafeInteger(value)) return undefined;
  const isWide = elements instanceof BigInt64Array || elements instanceof BigUint64Array;
  elements[0] = (isWide ? BigInt(value) : value) as never;
  // One that is out of range comes back as another.
  return Number(elements[0]) === value ? bytesOf(elements) : undefined;
}
