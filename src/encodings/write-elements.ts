import { isUtf8 } from "node:buffer";
import { elementsOf, type Tensor } from "../core/tensor.ts";
import { widenHalfs } from "./half.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LAST_ASCII = 0x7f;
/** Bytes of text up to which it is faster to look at each of them. */
const MOST_PLAIN = 128;

/** What a protocol does with elements that JSON cannot hold: answer with a JSON text in their place, or throw. */
export interface ElementRules {
  /** NaN and infinities. */
  readonly nonFinite: (tensor: Tensor) => string;
  /** BYTES that are not UTF-8. */
  readonly notText: (tensor: Tensor, bytes: Uint8Array) => string;
}

/** JSON texts of the elements `from` to `to` (exclusive), with commas between them. */
export type ElementWriter = (from: number, to: number) => string;

/** Writes a tensor's elements in row-major order: FP32 widened to a double as JavaScript does, 64-bit integers with all digits. */
export function elementWriter(tensor: Tensor, rules: ElementRules): ElementWriter {
  switch (tensor.datatype) {
    case "BYTES":
      return bytesWriter(tensor.data, (bytes) => rules.notText(tensor, bytes));
    case "BOOL":
      return booleanWriter(tensor.data);
    case "FP16":
    case "BF16":
      return floatWriter(widenHalfs(elementsOf(tensor) as Uint16Array, tensor.datatype), () => rules.nonFinite(tensor));
    case "FP32":
    case "FP64":
      return floatWriter(elementsOf(tensor) as Float32Array | Float64Array, () => rules.nonFinite(tensor));
    default:
      return integerWriter(elementsOf(tensor));
  }
}

/** The elements as lists in lists, as the shape says; a shape without dimensions is one element without a list. */
export function writeNested(write: ElementWriter, shape: readonly number[], from = 0): string {
  const [length, ...inner] = shape;
  if (length === undefined) return write(from, from + 1);
  if (inner.length === 0) return `[${write(from, from + length)}]`;
  const step = inner.reduce((product, dimension) => product * dimension, 1);
  let text = "";
  for (let index = 0; index < length; index++) {
    if (index > 0) text += ",";
    text += writeNested(write, inner, from + index * step);
  }
  return `[${text}]`;
}

function floatWriter(elements: Float32Array | Float64Array, nonFinite: () => string): ElementWriter {
  return (from, to) => {
    let text = "";
    for (let index = from; index < to; index++) {
      const value = elements[index] as number;
      if (index > from) text += ",";
      if (value - value !== 0) text += nonFinite();
      else if (Object.is(value, -0)) text += "-0.0";
      else text += value;
    }
    return text;
  };
}

function integerWriter(elements: ArrayLike<number | bigint>): ElementWriter {
  return (from, to) => {
    let text = "";
    for (let index = from; index < to; index++) {
      if (index > from) text += ",";
      text += elements[index] as number | bigint;
    }
    return text;
  };
}

function booleanWriter(elements: Uint8Array): ElementWriter {
  return (from, to) => {
    let text = "";
    for (let index = from; index < to; index++) {
      if (index > from) text += ",";
      text += elements[index] === 0 ? "false" : "true";
    }
    return text;
  };
}

function bytesWriter(elements: readonly Uint8Array[], notText: (bytes: Uint8Array) => string): ElementWriter {
  return (from, to) => {
    let text = "";
    for (let index = from; index < to; index++) {
      const bytes = asBuffer(elements[index] as Uint8Array);
      if (index > from) text += ",";
      if (isPlain(bytes)) text += `"${bytes.toString("latin1")}"`;
      else text += isUtf8(bytes) ? JSON.stringify(bytes.toString()) : notText(bytes);
    }
    return text;
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether it is a short text of ASCII without anything to escape: to see that costs less than to look for it. */
function isPlain(bytes: Uint8Array): boolean {
  if (bytes.length > MOST_PLAIN) return false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte < SPACE || byte > LAST_ASCII || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}
