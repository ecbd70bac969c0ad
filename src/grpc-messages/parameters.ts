import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Parameters, ParameterValue } from "../core/inference.ts";
import { readerOf, tag } from "./wire.ts";

/** Entries of a map of `InferParameter`s; a value of none of its kinds is as good as absent. */
export type Entries = Array<readonly [string, ParameterValue | undefined]>;
export const NO_PARAMETERS: Parameters = {};

export function readEntry(bytes: Uint8Array): Entries[number] {
  let key = "";
  let value: ParameterValue | undefined;
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else if (field === 1) key = reader.string();
    else if (field === 2) value = readParameter(reader.bytes()) ?? value;
    else reader.skip(type, field);
  }
  return [key, value];
}

function readParameter(bytes: Uint8Array): ParameterValue | undefined {
  let value: ParameterValue | undefined;
  const reader = readerOf(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.Varint) value = reader.bool();
    else if (field === 2 && type === WireType.Varint) value = numberOf(BigInt(reader.int64()));
    else if (field === 3 && type === WireType.LengthDelimited) value = reader.string();
    else if (field === 4 && type === WireType.Bit64) value = reader.double();
    else if (field === 5 && type === WireType.Varint) value = numberOf(BigInt(reader.uint64()));
    else reader.skip(type, field);
  }
  return value;
}

/** As JSON has them here: a bigint only where a number would not be exact. */
function numberOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function parametersOf(entries: Entries): Parameters {
  if (entries.length === 0) return NO_PARAMETERS;
  return Object.fromEntries(entries.filter((entry): entry is [string, ParameterValue] => entry[1] !== undefined));
}

/** As the entries of a map, which is the field of that number. */
export function writeParameters(writer: BinaryWriter, field: number, parameters: Parameters | undefined): void {
  for (const [key, value] of Object.entries(parameters ?? {})) {
    writer.uint32(tag(field)).fork().uint32(tag(1)).string(key).uint32(tag(2)).fork();
    if (typeof value === "boolean") writer.uint32(8).bool(value);
    else if (typeof value === "string") writer.uint32(tag(3)).string(value);
    else if (typeof value === "bigint" && value >= 2n ** 63n) writer.uint32(5 << 3).uint64(value);
    else if (typeof value === "bigint" || Number.isSafeInteger(value)) writer.uint32(2 << 3).int64(value);
    else writer.uint32((4 << 3) | 1).double(value);
    writer.join().join();
  }
}
