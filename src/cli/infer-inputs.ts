import { CliError } from "./errors.ts";
import type { JsonObject } from "./infer-output.ts";

/** The part of the Open Inference Protocol's model metadata that building a request needs. */
export interface ModelMetadata {
  readonly inputs: ReadonlyArray<{ readonly name: string; readonly datatype: string; readonly shape: readonly number[] }>;
}

/**
 * A V2 request from `name=value` texts; shapes come from the values, datatypes from the model's metadata.
 * @throws CliError naming the input that is wrong
 */
export function requestFromInputs(texts: readonly string[], { inputs }: ModelMetadata): JsonObject {
  return { inputs: texts.map((text) => toInput(text, inputs)) };
}

function toInput(text: string, specs: ModelMetadata["inputs"]): JsonObject {
  const mark = text.indexOf("=");
  if (mark <= 0) throw new CliError(`--input ${text}: expected name=value`, 2);
  const name = text.slice(0, mark);
  const spec = specs.find((input) => input.name === name) ?? (specs.length === 1 ? specs[0] : undefined);
  if (spec === undefined && specs.length > 0) {
    throw new CliError(`--input ${name}: the model has ${specs.map((input) => input.name).join(", ")}`, 2);
  }
  const value = parseValue(text.slice(mark + 1));
  const datatype = spec?.datatype ?? (typeof flatten(value)[0] === "string" ? "BYTES" : "FP64");
  const rank = spec?.shape.length ?? 0;
  const data = flatten(value).map((element) => (datatype === "BYTES" ? String(element) : element));
  return { name, datatype, shape: withRank(shapeOf(value), rank), data };
}

/** JSON where it is JSON, else the text itself. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

/** A single row may be given without the brackets around it. */
function withRank(shape: number[], rank: number): number[] {
  const missing = rank - shape.length;
  return missing > 0 ? [...Array<number>(missing).fill(1), ...shape] : shape;
}

function flatten(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap(flatten) : [value];
}
