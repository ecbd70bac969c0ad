import { ServeError } from "../../core/errors.ts";
import type { SizingDeclarations, TensorSpec } from "../../core/signature.ts";
import type { ModelCall } from "./hosted-model.ts";

/** A padded input and its padded dimensions: the variable ones behind the first. */
export interface PaddedAxes {
  readonly name: string;
  readonly axes: readonly number[];
}

/**
 * What a model's code says of requests of different sizes, as it stands there: the server checks it. Undefined when it says nothing.
 * @throws ServeError INVALID_ARGUMENT for functions: the server cannot ask them for each request
 */
export function declarationsOfSizes(declared: {
  readonly padding?: unknown;
  readonly unpad?: unknown;
  readonly cost?: unknown;
}): SizingDeclarations | undefined {
  const { padding, unpad, cost } = declared;
  if (padding === undefined && unpad === undefined && cost === undefined) return undefined;
  // What is undefined is left out.
  return JSON.parse(JSON.stringify({ padding, unpad, cost }, plain)) as SizingDeclarations;
}

function plain(name: string, value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "function") return value;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `'${name}' is a function; padding, unpad and cost are data, such as padding = { tokens: 0 }, unpad = { scores: "tokens" } and cost = "tokens"`,
  );
}

export function paddedAxes(inputs: readonly TensorSpec[], padding: unknown): PaddedAxes[] {
  return inputs
    .filter(({ name }) => typeof padding === "object" && padding !== null && Object.hasOwn(padding, name))
    .map(({ name, shape }) => ({ name, axes: shape.flatMap((size, axis) => (axis > 0 && size === -1 ? [axis] : [])) }));
}

/** By padded input how long each row was: a number, or a list of sizes where several dimensions are padded. */
export function lengthsOf({ payload, lengths }: ModelCall, padded: readonly PaddedAxes[]): Record<string, Array<number | number[]>> {
  const all: Record<string, Array<number | number[]>> = {};
  for (const { name, axes } of padded) {
    const shape = payload.kind === "tensors" ? payload.tensors.find((tensor) => tensor.name === name)?.shape : undefined;
    if (shape === undefined) continue;
    const runs = lengths?.[name] ?? [[shape[0] ?? 0, ...axes.map((axis) => shape[axis] as number)]];
    all[name] = runs.flatMap(([rows = 0, ...sizes]) => {
      const size = axes.length === 1 ? (sizes[0] ?? 0) : sizes;
      return new Array<number | number[]>(rows).fill(size);
    });
  }
  return all;
}
