import { ServeError } from "../../core/errors.ts";
import { type JsonValue, jsonValueOf, type Payload } from "../../core/inference.ts";
import type { ShadowResult } from "../../core/shadow.ts";
import { elementsOf, type NumericTensor, type Tensor } from "../../core/tensor.ts";

/** Elements of one output that are looked at one by one; of more it is only told that they differ. */
const MOST_ELEMENTS = 262_144;

/** What a request ended with. */
export type Outcome = { readonly payload: Payload } | { readonly error: Error };

export interface Comparison {
  readonly result: ShadowResult;
  /** What the first one said, and what the second; empty when they are equal. */
  readonly difference: string;
}

const EQUAL: Comparison = { result: "equal", difference: "" };
const CLOSE: Comparison = { result: "close", difference: "" };

/** How the second outcome is beside the first. @param tolerance part of the larger number, or the difference itself, that is still close */
export function compareOutcomes(first: Outcome, second: Outcome, tolerance: number): Comparison {
  if ("error" in first || "error" in second) {
    const [left, right] = [nameOf(first), nameOf(second)];
    return left === right
      ? EQUAL
      : { result: "error", difference: `${left} against ${right}${"error" in second ? `: ${second.error.message}` : ""}` };
  }
  const [left, right] = [first.payload, second.payload];
  if (left.kind === "tensors" && right.kind === "tensors") return compareTensors(left.tensors, right.tensors, tolerance);
  return compareJson(jsonOf(left), jsonOf(right), tolerance, "");
}

function nameOf(outcome: Outcome): string {
  return "error" in outcome ? ServeError.from(outcome.error).code : "OK";
}

function compareTensors(left: readonly Tensor[], right: readonly Tensor[], tolerance: number): Comparison {
  const names = (tensors: readonly Tensor[]): string => tensors.map(({ name }) => name).join(", ");
  const others = new Map(right.map((tensor) => [tensor.name, tensor]));
  // Frameworks call a single output what they like.
  const isOne = left.length === 1 && right.length === 1;
  if (!isOne && (left.length !== right.length || left.some(({ name }) => !others.has(name))))
    return { result: "outputs", difference: `outputs ${names(left)} against ${names(right)}` };
  return worst(left.map((tensor) => compareTensor(tensor, (isOne ? right[0] : others.get(tensor.name)) as Tensor, tolerance)));
}

function compareTensor(left: Tensor, right: Tensor, tolerance: number): Comparison {
  const what = `output ${left.name}`;
  const kind = ({ datatype, shape }: Tensor): string => `${datatype}[${shape.join(", ")}]`;
  if (kind(left) !== kind(right)) return { result: "shape", difference: `${what}: ${kind(left)} against ${kind(right)}` };
  if (left.datatype === "BYTES" || right.datatype === "BYTES") {
    const [texts, others] = [left.data as readonly Uint8Array[], right.data as readonly Uint8Array[]];
    const at = texts.findIndex((text, index) => Buffer.compare(text, others[index] ?? new Uint8Array()) !== 0);
    if (at < 0) return EQUAL;
    return { result: "values", difference: `${what}[${at}]: ${shown(texts[at])} against ${shown(others[at])}` };
  }
  if (Buffer.compare(left.data, right.data) === 0) return EQUAL;
  if (left.datatype === "FP16" || left.datatype === "BF16" || left.data.byteLength > MOST_ELEMENTS * 8)
    return { result: "values", difference: `${what}: its bytes differ` };
  return compareNumbers(what, left, right as NumericTensor, tolerance);
}

function compareNumbers(what: string, left: NumericTensor, right: NumericTensor, tolerance: number): Comparison {
  const [numbers, others] = [elementsOf(left), elementsOf(right)];
  for (let index = 0; index < numbers.length; index++) {
    const [one, other] = [numbers[index] as number | bigint, others[index] as number | bigint];
    if (!areClose(Number(one), Number(other), tolerance) || (typeof one === "bigint" && one !== other))
      return { result: "values", difference: `${what}[${index}]: ${one} against ${other}` };
  }
  return CLOSE;
}

function compareJson(left: JsonValue | undefined, right: JsonValue | undefined, tolerance: number, at: string): Comparison {
  if (Object.is(left, right)) return EQUAL;
  const what = at === "" ? "answer" : `answer${at}`;
  if (typeof left === "number" && typeof right === "number" && areClose(left, right, tolerance)) return CLOSE;
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length !== right.length) return { result: "shape", difference: `${what}: ${left.length} elements against ${right.length}` };
    return worst(left.map((each, index) => compareJson(each, right[index], tolerance, `${at}[${index}]`)));
  }
  if (isObject(left) && isObject(right)) {
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    const missing = names.find((name) => !Object.hasOwn(left, name) || !Object.hasOwn(right, name));
    if (missing !== undefined) return { result: "outputs", difference: `${what}: only one has ${missing}` };
    return worst(names.map((name) => compareJson(left[name], right[name], tolerance, `${at}.${name}`)));
  }
  return { result: "values", difference: `${what}: ${shownJson(left)} against ${shownJson(right)}` };
}

const ORDER: readonly ShadowResult[] = ["equal", "close", "values", "shape", "outputs", "error"];

function worst(comparisons: readonly Comparison[]): Comparison {
  return comparisons.reduce((bad, each) => (ORDER.indexOf(each.result) > ORDER.indexOf(bad.result) ? each : bad), EQUAL);
}

function areClose(left: number, right: number, tolerance: number): boolean {
  if (Object.is(left, right) || left === right) return true;
  return Math.abs(left - right) <= tolerance * Math.max(1, Math.abs(left), Math.abs(right));
}

function jsonOf(payload: Payload): JsonValue {
  if (payload.kind !== "tensors") return jsonValueOf(payload);
  return payload.tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] }));
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(text: Uint8Array | undefined): string {
  return JSON.stringify(
    Buffer.from(text ?? [])
      .toString("utf8")
      .slice(0, 60),
  );
}

function shownJson(value: JsonValue | undefined): string {
  if (typeof value === "bigint") return String(value);
  return (JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "nothing").slice(0, 60);
}
