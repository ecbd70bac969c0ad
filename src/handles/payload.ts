import { messageOf, ServeError } from "../core/errors.ts";
import type { JsonValue, Payload } from "../core/inference.ts";
import type { Signature } from "../core/signature.ts";
import type { NumericTensor } from "../core/tensor.ts";
import { isTypedTensor, type Role, tensorOfValue } from "../core/tensor-of-value.ts";

const INPUT: Role = { noun: "input", code: "INVALID_ARGUMENT" };

/**
 * What somebody gave a handle as a payload: rows as V1's, lists as V1's columns, and where there is any typed array or tensor, tensors.
 * Whether it fits is for `bind` to say.
 * @throws ServeError INVALID_ARGUMENT for what is none of these
 */
export function payloadOf(inputs: unknown, signature: Signature): Payload {
  if (Array.isArray(inputs)) return { kind: "rows", rows: inputs as JsonValue[] };
  if (typeof inputs !== "object" || inputs === null || ArrayBuffer.isView(inputs)) throw notInputs(inputs);
  const entries = Object.entries(inputs as Readonly<Record<string, unknown>>).filter(([, value]) => value !== undefined);
  const { inputs: specs } = signature;
  const [first] = entries;
  // V1's form by name: what a custom model without declared inputs sees as its `instances`.
  if (entries.length === 1 && first?.[0] === "instances" && Array.isArray(first[1]) && !specs.some(({ name }) => name === "instances"))
    return { kind: "rows", rows: first[1] as JsonValue[] };
  const isTyped = (value: unknown): boolean => ArrayBuffer.isView(value) || isTypedTensor(value);
  if (!entries.some(([, value]) => isTyped(value)))
    return { kind: "columns", columns: Object.fromEntries(entries) as Record<string, JsonValue> };
  const specOf = (name: string): Signature["inputs"][number] | undefined =>
    specs.find((spec) => spec.name === name) ?? (entries.length === 1 && specs.length === 1 ? specs[0] : undefined);
  try {
    const tensors = entries.map(([name, value]) => tensorOfValue(name, value, specOf(name), INPUT));
    for (const tensor of tensors) if (tensor.datatype === "BOOL") checkBooleans(tensor);
    return { kind: "tensors", tensors };
  } catch (error) {
    throw ServeError.from(error, "INVALID_ARGUMENT", messageOf(error));
  }
}

function checkBooleans({ name, data }: NumericTensor): void {
  const index = data.findIndex((byte) => byte > 1);
  if (index >= 0) throw new ServeError("INVALID_ARGUMENT", `input '${name}': element ${index} is ${data[index]}, expected 0 or 1 for BOOL`);
}

function notInputs(inputs: unknown): ServeError {
  const found = inputs === null ? "null" : ArrayBuffer.isView(inputs) ? `a ${inputs.constructor.name}` : `a ${typeof inputs}`;
  return new ServeError("INVALID_ARGUMENT", `the inputs are ${found}: expected an object with an input for each name, or a list of rows`);
}
