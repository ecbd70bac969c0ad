import { messageOf, ServeError } from "../../core/errors.ts";
import { type JsonValue, jsonValueOf, type Payload } from "../../core/inference.ts";
import type { TensorSpec } from "../../core/signature.ts";
import { isTypedTensor, type Role, tensorOfValue } from "../../core/tensor-of-value.ts";
import { toTypedTensor } from "../../core/typed-tensor.ts";

const OUTPUT: Role = { noun: "output", code: "INTERNAL" };

/** A request as a custom model gets it: tensors by name, or `{ instances }`, or V1's columns by name. */
export function inputsOf(payload: Payload): Record<string, unknown> {
  switch (payload.kind) {
    case "tensors":
      return Object.fromEntries(payload.tensors.map((tensor) => [tensor.name, toTypedTensor(tensor)]));
    case "rows":
      return { instances: payload.rows };
    case "columns":
      return { ...payload.columns };
    case "json":
    case "raw":
      return { value: jsonValueOf(payload) };
  }
}

/**
 * V1 instances of an example as the declared inputs, which the server makes of a client's: of one input its elements, of several objects.
 * @throws ServeError INVALID_ARGUMENT when they do not fit
 */
export function bindExample(payload: Payload, specs: readonly TensorSpec[]): Payload {
  if (payload.kind !== "rows" || specs.length === 0) return payload;
  const { rows } = payload;
  const isNamed = rows.every((row) => typeof row === "object" && row !== null && !Array.isArray(row));
  const columnOf = ({ name }: TensorSpec): unknown[] =>
    isNamed ? rows.map((row) => (row as Readonly<Record<string, unknown>>)[name]) : [...rows];
  try {
    return { kind: "tensors", tensors: specs.map((spec) => tensorOfValue(spec.name, columnOf(spec), spec, OUTPUT)) };
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its example does not fit its inputs: ${messageOf(error)}`);
  }
}

/**
 * What a custom model answered: an object of arrays or tensors is one tensor per key, a typed array is `output-0`, and
 * everything else is JSON.
 * @throws ServeError INVALID_ARGUMENT for an output that it did not answer, INTERNAL for what is neither
 */
export function outputsOf(answer: unknown, specs: readonly TensorSpec[], wanted: readonly string[] | undefined, method: string): Payload {
  if (ArrayBuffer.isView(answer)) return { kind: "tensors", tensors: [tensorOfValue("output-0", answer, specs[0], OUTPUT)] };
  if (typeof answer === "object" && answer !== null && !Array.isArray(answer) && Object.values(answer).every(isArrayLike)) {
    const given = answer as Record<string, unknown>;
    for (const name of wanted ?? []) {
      if (!Object.hasOwn(given, name))
        throw new ServeError("INVALID_ARGUMENT", `there is no output '${name}'; there are ${Object.keys(given).join(", ")}`);
    }
    const names = wanted ?? Object.keys(given);
    return {
      kind: "tensors",
      tensors: names.map((name) =>
        tensorOfValue(
          name,
          given[name],
          specs.find((spec) => spec.name === name),
          OUTPUT,
        ),
      ),
    };
  }
  if (answer === undefined || typeof answer === "function")
    throw new ServeError("INTERNAL", `its ${method} answered ${typeof answer}, which is neither arrays nor JSON`);
  return { kind: "json", value: answer as JsonValue };
}

function isArrayLike(value: unknown): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value) || isTypedTensor(value);
}
