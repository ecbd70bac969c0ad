import type { ClientRegion } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import { type JsonObject, unexpected } from "../../shared/index.ts";

/**
 * What the shared memory extensions of Triton say, whichever transport brings it (its docs/protocol/extension_shared_memory.md).
 */

/** The region that a request to register one describes. @throws ServeError INVALID_ARGUMENT naming the field */
export function regionIn(name: string, body: JsonObject): ClientRegion {
  const { key, offset, byte_size: byteSize } = body;
  if (key === undefined) throw new ServeError("INVALID_ARGUMENT", "Shared memory register request has no 'key' field");
  if (typeof key !== "string") throw unexpected("key", "a string", key);
  if (byteSize === undefined) throw new ServeError("INVALID_ARGUMENT", "Shared memory register request has no 'byte_size' field");
  return { name, key, offset: sizeOf(offset ?? 0, "offset"), byteSize: sizeOf(byteSize, "byte_size") };
}

function sizeOf(value: JsonValue, field: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  // More than any object has: it is refused as such.
  if (typeof value === "bigint" && value >= 0n) return Number(value);
  throw unexpected(field, "a number of bytes", value);
}

/** A region as Triton lists it. */
export function regionStatus({ name, key, offset, byteSize }: ClientRegion): JsonObject {
  return { name, key, offset, byte_size: byteSize };
}

/** Regions in the memory of a GPU can be had from a process that uses it, which this server is not: its hosts are. */
export function noCudaDevice(name: string): ServeError {
  const text = `failed to register CUDA shared memory region: '${name}', GPUs not supported`;
  return new ServeError("UNIMPLEMENTED", `${text}: the server process has no CUDA device; use system shared memory`);
}
