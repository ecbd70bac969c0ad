import type { ClientMemory, HeldRange, RegionUse } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import { byteSize, type Datatype, type Tensor } from "../../../core/tensor.ts";
import { binaryElements, readBinary } from "../../../encodings/index.ts";
import type { JsonObject } from "../../shared/index.ts";

/** An input whose elements are in a region, and where it is among the inputs. */
export interface PlacedInput {
  readonly index: number;
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly use: RegionUse;
}

/** Where the elements of outputs are to be written, by their names. */
export type PlacedOutputs = Readonly<Record<string, RegionUse>>;

/** The regions that one request uses: held from its arrival to its answer. */
export class RequestRegions {
  readonly #inputs: ReadonlyArray<{ readonly input: PlacedInput; readonly range: HeldRange }>;
  readonly #outputs: ReadonlyMap<string, { readonly use: RegionUse; readonly range: HeldRange }>;

  /** @throws ServeError NOT_FOUND, INVALID_ARGUMENT for what is outside of its region, and for outputs that would overwrite each other */
  constructor(memory: ClientMemory, owner: string, inputs: readonly PlacedInput[], outputs: PlacedOutputs) {
    assertApart(outputs);
    const held: HeldRange[] = [];
    const hold = (use: RegionUse): HeldRange => {
      const range = memory.hold(use, owner);
      held.push(range);
      return range;
    };
    try {
      this.#inputs = inputs.map((input) => ({ input, range: hold(input.use) }));
      this.#outputs = new Map(Object.entries(outputs).map(([name, use]) => [name, { use, range: hold(use) }]));
    } catch (error) {
      for (const range of held) range.release();
      throw error;
    }
  }

  /** The tensors, those in regions with their elements. @throws ServeError INVALID_ARGUMENT when bytes and shape disagree */
  async fill(tensors: readonly Tensor[], model: string): Promise<Tensor[]> {
    const filled = [...tensors];
    for (const { input, range } of this.#inputs)
      filled[input.index] = readBinary(input.name, input.datatype, input.shape, await range.read(), model);
    return filled;
  }

  /**
   * Writes the outputs that have a region.
   * @returns what the answer says of each of them in the place of its elements
   * @throws ServeError INVALID_ARGUMENT for one that is larger than its place
   */
  async write(tensors: readonly Tensor[]): Promise<ReadonlyMap<string, JsonObject>> {
    const written = new Map<string, JsonObject>();
    for (const tensor of tensors) {
      const place = this.#outputs.get(tensor.name);
      if (place === undefined) continue;
      const size = byteSize(tensor);
      const { use, range } = place;
      if (size > range.byteSize) {
        const has = `shared memory size specified with the request for output '${tensor.name}' (${range.byteSize} bytes)`;
        throw new ServeError("INVALID_ARGUMENT", `${has} should be at least ${size} bytes to hold the results`);
      }
      await range.write(binaryElements(tensor));
      written.set(tensor.name, {
        shared_memory_region: use.region,
        shared_memory_byte_size: size,
        ...(Number(use.offset) === 0 ? {} : { shared_memory_offset: Number(use.offset) }),
      });
    }
    return written;
  }

  release(): void {
    for (const { range } of this.#inputs) range.release();
    for (const { range } of this.#outputs.values()) range.release();
  }
}

function assertApart(outputs: PlacedOutputs): void {
  const places = Object.entries(outputs).sort(([, left], [, right]) => (left.offset < right.offset ? -1 : 1));
  places.forEach(([name, { region, offset }], index) => {
    const before = places.slice(0, index).find(([, use]) => use.region === region && BigInt(use.offset) + BigInt(use.byteSize) > offset);
    if (before === undefined) return;
    throw new ServeError("INVALID_ARGUMENT", `outputs '${before[0]}' and '${name}' overlap in shared memory region '${region}'`);
  });
}
