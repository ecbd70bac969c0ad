import { FORMATS } from "../core/formats.ts";
import type { ModelSpec } from "../core/model.ts";

/** Loaded weights, and as much again for the work on them. */
const ARTEFACT_FACTOR = 2;

/** Bytes that a model will use, guessed before it has ever run; `modelsPerHost` of them share the memory of their host. */
export function estimateMemory(spec: Pick<ModelSpec, "format" | "bytes" | "inProgram">, modelsPerHost: number): number {
  // It has no memory that could be told from its program's.
  if (spec.inProgram !== undefined) return 0;
  return FORMATS[spec.format].hostBytes / modelsPerHost + ARTEFACT_FACTOR * spec.bytes;
}
