import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ServeError } from "../core/errors.ts";

/** Inputs, outputs, raw contents and parameters that one message may have of each. */
const MAX_FIELDS = 1024;

/** The tag of a field of bytes, text or a message: their length follows. */
export function tag(field: number): number {
  return (field << 3) | 2;
}

export function readerOf(bytes: Uint8Array): BinaryReader {
  return new BinaryReader(bytes, textOf);
}

/** Quicker for the short names of models and tensors than the library's decoder. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

/** @throws ServeError INVALID_ARGUMENT naming the field, for one too many */
export function add<Value>(list: Value[], value: Value, name: string): void {
  if (list.length >= MAX_FIELDS) throw new ServeError("INVALID_ARGUMENT", `${name}: there are more than ${MAX_FIELDS}`);
  list.push(value);
}
