import type { Lengths } from "../core/replica.ts";
import type { CutOutput, PaddedInput, Sizing } from "../core/sizing.ts";
import { DATATYPE_SIZES, elementCount, type Tensor } from "../core/tensor.ts";

/** A request's part of a padded batch. */
export interface Sized {
  readonly rows: number;
  /** In the padded dimensions, as {@link Sizing} orders them. */
  readonly sizes: readonly number[];
}

/** Of a model that pads, what a request brings into a batch. */
export interface Padded {
  readonly sizing: Sizing;
  readonly sizes: readonly number[];
}

/** What a batch of padded requests weighs while it grows. */
export class PaddedExtent {
  /** Bytes. */
  padding = 0;
  /** Undefined where padding costs nothing. */
  cost: number | undefined;
  readonly #sizing: Sizing;
  #sizes: readonly number[] = [];
  #rows = 0;
  #content = 0;
  #next: readonly number[] = [];
  #nextRows = 0;
  #nextContent = 0;

  constructor(sizing: Sizing) {
    this.#sizing = sizing;
  }

  /** Says in `padding` and `cost` what the batch would have with one more request. */
  consider(rows: number, sizes: readonly number[]): void {
    const sizing = this.#sizing;
    this.#next = this.#rows === 0 ? sizes : largest(this.#sizes, sizes);
    this.#nextRows = this.#rows + rows;
    this.#nextContent = this.#content + rows * sizing.bytesOfRow(sizes);
    const costOfRow = sizing.costOfRow(this.#next);
    this.padding = this.#nextRows * sizing.bytesOfRow(this.#next) - this.#nextContent;
    this.cost = costOfRow === undefined ? undefined : Math.max(1, this.#nextRows * costOfRow);
  }

  /** The request that was considered last is in the batch. */
  add(): void {
    this.#sizes = this.#next;
    this.#rows = this.#nextRows;
    this.#content = this.#nextContent;
  }
}

function largest(one: readonly number[], other: readonly number[]): readonly number[] {
  return one.map((size, index) => Math.max(size, other[index] as number));
}

/** The largest size of all requests in each padded dimension. */
export function largestSizes(parts: readonly Sized[]): readonly number[] {
  return parts.map(({ sizes }) => sizes).reduce(largest);
}

/** How long each request's rows are before they are padded; undefined when all are equally long. */
export function lengthsOf(parts: readonly Sized[], { padded }: Sizing): Lengths | undefined {
  const [first] = parts;
  if (parts.every(({ sizes }) => sizes.every((size, index) => size === first?.sizes[index]))) return undefined;
  return Object.fromEntries(
    Array.from(padded.values(), ({ name, axes, offset }) => [
      name,
      parts.map(({ rows, sizes }) => [rows, ...sizes.slice(offset, offset + axes.length)]),
    ]),
  );
}

/** Tensors of one name stacked along the first dimension, each filled up to the largest sizes of all. */
export function padTensors(parts: readonly Tensor[], { axes, element }: PaddedInput): Tensor {
  const { name, datatype, shape } = parts[0] as Tensor;
  const joined = shape.slice();
  joined[0] = parts.reduce((rows, part) => rows + (part.shape[0] as number), 0);
  for (const axis of axes) joined[axis] = Math.max(...parts.map((part) => part.shape[axis] as number));
  const target = filled(name, datatype, joined, element);
  const elementsOfRow = elementCount(joined.slice(1));
  let start = 0;
  for (const part of parts) {
    copyCommon(part, target, start);
    start += (part.shape[0] as number) * elementsOfRow;
  }
  return target;
}

/** A request's rows of an output without what answers its padding; the same tensor when there is none. */
export function cutTensor(tensor: Tensor, { axes, input }: CutOutput, sizes: readonly number[]): Tensor {
  const shape = tensor.shape.slice();
  axes.forEach((axis, index) => {
    shape[axis] = sizes[input.offset + index] as number;
  });
  if (axes.every((axis) => shape[axis] === tensor.shape[axis])) return tensor;
  const target = filled(tensor.name, tensor.datatype, shape, new Uint8Array(DATATYPE_SIZES[tensor.datatype]));
  copyCommon(tensor, target, 0);
  return target;
}

function filled(name: string, datatype: Tensor["datatype"], shape: readonly number[], element: Uint8Array): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: new Array<Uint8Array>(count).fill(element) };
  const data = new Uint8Array(count * DATATYPE_SIZES[datatype]);
  if (element.some((byte) => byte !== 0)) Buffer.from(data.buffer).fill(element);
  return { name, datatype, shape, data };
}

/** Copies the elements at places that both shapes have. The target's rows begin at its element `start`. */
function copyCommon(source: Tensor, target: Tensor, start: number): void {
  if (source.datatype === "BYTES") {
    const to = target.data as Uint8Array[];
    eachCommonRun(source.shape, target.shape, (fromElement, toElement, count) => {
      for (let index = 0; index < count; index++) to[start + toElement + index] = source.data[fromElement + index] as Uint8Array;
    });
    return;
  }
  const width = DATATYPE_SIZES[source.datatype];
  const to = target.data as Uint8Array;
  eachCommonRun(source.shape, target.shape, (fromElement, toElement, count) => {
    to.set(source.data.subarray(fromElement * width, (fromElement + count) * width), (start + toElement) * width);
  });
}

/** Calls `run` for each run of elements that is contiguous in both of two row-major shapes of the same rank. */
function eachCommonRun(
  from: readonly number[],
  to: readonly number[],
  run: (fromElement: number, toElement: number, count: number) => void,
): void {
  let last = from.length - 1;
  let together = 1;
  while (last > 0 && from[last] === to[last]) together *= from[last--] as number;
  const walk = (axis: number, fromPlace: number, toPlace: number): void => {
    const common = Math.min(from[axis] as number, to[axis] as number);
    if (axis === last) {
      run(fromPlace * together, toPlace * together, common * together);
      return;
    }
    for (let index = 0; index < common; index++) {
      walk(axis + 1, (fromPlace + index) * (from[axis + 1] as number), (toPlace + index) * (to[axis + 1] as number));
    }
  };
  walk(0, 0, 0);
}
