import type { ModelFormat, ModelSpec } from "../core/model.ts";

const MEBIBYTE = 1048576;

/** Resident memory of a host with its framework imported and a tiny model, measured on Linux x86-64, in bytes. */
const HOST_BYTES: Readonly<Record<ModelFormat, number>> = {
  sklearn: 150 * MEBIBYTE,
  xgboost: 150 * MEBIBYTE,
  lightgbm: 170 * MEBIBYTE,
  python: 80 * MEBIBYTE,
  onnx: 90 * MEBIBYTE,
  typescript: 90 * MEBIBYTE,
};

/** Loaded weights, and as much again for the work on them. */
const ARTEFACT_FACTOR = 2;

/** Bytes that a model will use, guessed before it has ever run; `modelsPerHost` of them share the memory of their host. */
export function estimateMemory(spec: Pick<ModelSpec, "format" | "bytes">, modelsPerHost: number): number {
  return HOST_BYTES[spec.format] / modelsPerHost + ARTEFACT_FACTOR * spec.bytes;
}
