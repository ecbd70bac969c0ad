import { closestNames } from "./closest.ts";
import { ServeError } from "./errors.ts";
import type { Payload } from "./inference.ts";
import { paddingElement } from "./padding-value.ts";
import type { Signature, TensorSpec } from "./signature.ts";
import { elementCount } from "./tensor.ts";

/** An input that is filled up to the largest request of a batch. */
export interface PaddedInput {
  readonly name: string;
  /** Its variable dimensions behind the first. */
  readonly axes: readonly number[];
  /** Where their sizes begin in the sizes of a request. */
  readonly offset: number;
  /** Elements of a row by each of the sizes' product. */
  readonly fixed: number;
  /** Bytes of one element of padding: little-endian, or UTF-8. */
  readonly element: Uint8Array;
  /** What one element of padding counts in a batch. */
  readonly elementBytes: number;
}

/** An output that is cut back to what a request's own size was. */
export interface CutOutput {
  readonly axes: readonly number[];
  readonly input: PaddedInput;
}

/** What of a signature tells how its requests meet. */
export type Sharing = Pick<Signature, "sizing" | "batchable" | "stateful" | "together"> &
  Partial<Pick<Signature, "inputs" | "outputs" | "maxRows">>;

const KNOWN = new WeakMap<object, Sizing>();

/**
 * What a model's code declares about requests of different sizes; undefined for most models, which declare nothing. Checked once.
 * @throws ServeError INVALID_ARGUMENT naming what contradicts the model's inputs and outputs
 */
export function sizingOf(signature: Sharing): Sizing | undefined {
  if (signature.sizing === undefined) return undefined;
  let sizing = KNOWN.get(signature.sizing);
  if (sizing === undefined) {
    sizing = new Sizing(signature);
    KNOWN.set(signature.sizing, sizing);
  }
  return sizing;
}

/** Padding and cost of one method. `sizes` are a request's sizes in all padded dimensions, in the order of the padded inputs. */
export class Sizing {
  readonly padded: ReadonlyMap<string, PaddedInput>;
  readonly cut: ReadonlyMap<string, CutOutput>;
  /** The input whose elements are the work; undefined for rows. */
  readonly #cost: string | undefined;
  readonly #paddedCost: PaddedInput | undefined;

  constructor({ inputs = [], outputs = [], sizing = {}, batchable, stateful }: Sharing) {
    const { padding = {}, unpad = {}, cost } = sizing;
    const padded = paddedInputs(entriesOf("padding", padding), inputs);
    if (padded.size > 0 && (batchable !== true || stateful === true)) {
      throw wrong("padding is for requests that share a call: declare the model batchable, and neither stateful nor streaming");
    }
    this.padded = padded;
    this.cut = cutOutputs(entriesOf("unpad", unpad), outputs, padded);
    if (cost !== undefined && !named("cost", cost, inputs).shape.includes(-1)) {
      throw wrong(`cost is the input '${cost}', which has no variable dimension: all requests would cost the same`);
    }
    this.#cost = cost;
    this.#paddedCost = cost === undefined ? undefined : padded.get(cost);
  }

  sizesOf(payload: Payload): number[] {
    const sizes: number[] = [];
    for (const { name, axes } of this.padded.values()) {
      const tensor = payload.kind === "tensors" ? payload.tensors.find((each) => each.name === name) : undefined;
      for (const axis of axes) sizes.push(tensor?.shape[axis] ?? 0);
    }
    return sizes;
  }

  /** What a request costs by itself, at least 1. */
  costOf(payload: Payload, rows: number): number {
    if (this.#cost === undefined || payload.kind !== "tensors") return Math.max(1, rows);
    const tensor = payload.tensors.find(({ name }) => name === this.#cost);
    return Math.max(1, tensor === undefined ? rows : elementCount(tensor.shape));
  }

  /** What each row of a batch of these sizes costs; undefined when padding makes nothing cost more. */
  costOfRow(sizes: readonly number[]): number | undefined {
    return this.#paddedCost === undefined ? undefined : elementsOfRow(this.#paddedCost, sizes);
  }

  /** Bytes of one row of the padded inputs, if it were padding altogether. */
  bytesOfRow(sizes: readonly number[]): number {
    let bytes = 0;
    for (const input of this.padded.values()) bytes += input.elementBytes * elementsOfRow(input, sizes);
    return bytes;
  }
}

function elementsOfRow({ axes, offset, fixed }: PaddedInput, sizes: readonly number[]): number {
  let count = fixed;
  for (let index = 0; index < axes.length; index++) count *= sizes[offset + index] as number;
  return count;
}

function paddedInputs(padding: ReadonlyArray<[string, unknown]>, inputs: readonly TensorSpec[]): Map<string, PaddedInput> {
  const padded = new Map<string, PaddedInput>();
  let offset = 0;
  for (const [name, value] of padding) {
    const spec = named("padding", name, inputs);
    const axes = variableAxes(spec);
    if (axes.length === 0 || spec.shape[0] !== -1) {
      throw wrong(
        `padding names the input '${name}' [${spec.shape}]; expected a first dimension of -1 for rows, and another one of -1 to pad`,
      );
    }
    const fixed = elementCount(spec.shape.filter((size) => size !== -1));
    const element = paddingElement(spec, value);
    // As it is counted of a tensor: four bytes for the length of a text.
    const elementBytes = element.byteLength + (spec.datatype === "BYTES" ? 4 : 0);
    padded.set(name, { name, axes, offset, fixed, element, elementBytes });
    offset += axes.length;
  }
  return padded;
}

function cutOutputs(unpad: ReadonlyArray<[string, unknown]>, outputs: readonly TensorSpec[], padded: Map<string, PaddedInput>) {
  const cut = new Map<string, CutOutput>();
  for (const [name, inputName] of unpad) {
    // Those that only its example showed have no variable dimensions.
    const spec = named("unpad", name, outputs, "output");
    const input = typeof inputName === "string" ? padded.get(inputName) : undefined;
    if (input === undefined)
      throw wrong(`unpad says that output '${name}' is as long as ${shown(inputName)}, which is no input in padding`);
    const axes = variableAxes(spec);
    if (axes.length !== input.axes.length) {
      throw wrong(
        `unpad says that output '${name}' [${spec.shape}] is as long as input '${input.name}'; ` +
          `expected ${input.axes.length} variable dimension(s) behind the first, as that has, and it has ${axes.length}`,
      );
    }
    cut.set(name, { axes, input });
  }
  return cut;
}

function variableAxes({ shape }: TensorSpec): number[] {
  return shape.flatMap((size, axis) => (axis > 0 && size === -1 ? [axis] : []));
}

function named(where: string, name: unknown, specs: readonly TensorSpec[], kind = "input"): TensorSpec {
  const spec = specs.find((each) => each.name === name);
  if (spec !== undefined) return spec;
  const names = specs.map((each) => each.name);
  const [closest] = closestNames(String(name), names);
  const known = names.length === 0 ? `the model declares no ${kind}s` : `the model declares ${names.map(shown).join(", ")}`;
  throw wrong(`${where} names the ${kind} ${shown(name)}; ${known}${closest === undefined ? "" : `. Did you mean '${closest}'?`}`);
}

/** @throws ServeError INVALID_ARGUMENT for what is no object */
function entriesOf(where: string, value: unknown): Array<[string, unknown]> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw wrong(`${where} is ${JSON.stringify(value)}; expected an object by ${where === "unpad" ? "output" : "input"} name`);
}

function shown(name: unknown): string {
  return typeof name === "string" ? `'${name}'` : String(JSON.stringify(name));
}

function wrong(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
