import { FORMATS } from "../core/formats.ts";
import type { ModelSpec } from "../core/model.ts";

/** Loaded weights, and as much again for the work on them. */
const ARTEFACT_FACTOR = 2;
/** What CUDA and a framework's kernels take of a device before there is a model. */
const CONTEXT_BYTES = 600 * 2 ** 20;
/** Weights, and what is computed from them. */
const DEVICE_FACTOR = 1.5;

/** Bytes that a model will use, guessed before it has ever run; `modelsPerHost` of them share the memory of their host. */
export function estimateMemory(spec: Pick<ModelSpec, "format" | "bytes" | "inProgram" | "upstream">, modelsPerHost: number): number {
  // It has no memory that could be told from its program's.
  if (spec.inProgram !== undefined) return 0;
  const place = spec.upstream?.place;
  if (place?.kind === "elsewhere") return 0;
  // Its server was there before it, and stays.
  if (spec.upstream?.shared === true) return spec.bytes;
  const { memoryRequest, memoryLimit } = place?.container.resources ?? {};
  const asked = memoryRequest ?? memoryLimit;
  if (asked !== undefined) return asked / modelsPerHost;
  return FORMATS[spec.format].hostBytes / modelsPerHost + ARTEFACT_FACTOR * spec.bytes;
}

/** Bytes that a model will use of each of so many devices, guessed before it has ever run on one. */
export function estimateDeviceMemory({ bytes }: Pick<ModelSpec, "bytes">, devices: number): number {
  return CONTEXT_BYTES + Math.ceil((DEVICE_FACTOR * bytes) / devices);
}
