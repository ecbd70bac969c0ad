import { randomFillSync, randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isAbsolute, join, normalize, sep } from "node:path";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { InitialTensor } from "../../core/model-configuration.ts";
import { allocateElements, bytesOf, DATATYPE_SIZES, elementCount, type NumericDatatype, type Tensor } from "../../core/tensor.ts";
import { readBinary } from "../../encodings/index.ts";

const MOST_BYTES = 2 ** 30;
/** What one takes in memory, however short it is. */
const BYTES_OF_TEXT = 64;

/**
 * The tensor that a model configuration describes by zeros, random values or a file, of the shape `dims` (a variable dimension is 1).
 * A file has the elements as they are in memory, BYTES each with a 32-bit length before it; what follows them is not read.
 * @param folder the model's folder
 * @throws ServeError INVALID_ARGUMENT naming the tensor, for a file that is missing, too short or elsewhere, and for a tensor that is too large
 */
export async function readInitialTensor(name: string, { datatype, dims, data }: InitialTensor, folder: string): Promise<Tensor> {
  const shape = dims.map((dimension) => Math.max(dimension, dimension === -1 ? 1 : 0));
  checkSize(name, datatype, shape);
  if (data.kind === "zero") return zeroTensor(name, datatype, shape);
  if (data.kind === "random") return randomTensor(name, datatype, shape);
  const bytes = await readBelow(name, folder, data.file);
  if (datatype === "BYTES") return readBinary(name, datatype, shape, bytes);
  const expected = elementCount(shape) * DATATYPE_SIZES[datatype];
  if (bytes.byteLength < expected) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `'${name}' expects ${expected} bytes for ${datatype} [${shape}], but ${data.file} only has ${bytes.byteLength} bytes`,
    );
  }
  return readBinary(name, datatype, shape, bytes.subarray(0, expected));
}

/**
 * Refuses what a configuration describes in a line and what would fill this process's memory.
 * @param rows of the shape, all together
 * @throws ServeError INVALID_ARGUMENT
 */
export function checkSize(name: string, datatype: Tensor["datatype"], shape: readonly number[], rows = 1): void {
  const bytes = elementCount(shape) * rows * (datatype === "BYTES" ? BYTES_OF_TEXT : DATATYPE_SIZES[datatype]);
  if (bytes <= MOST_BYTES) return;
  const times = rows === 1 ? "" : ` times ${rows} rows`;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `'${name}' of ${datatype} [${shape}]${times} needs ${bytes} bytes, and may need ${MOST_BYTES}; describe a smaller tensor`,
  );
}

/** All elements are zero, false or empty. */
export function zeroTensor(name: string, datatype: Tensor["datatype"], shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: Array.from({ length: count }, () => EMPTY) };
  return { name, datatype, shape, data: bytesOf(allocateElements(datatype, count)) };
}

const EMPTY = new Uint8Array(0);

function randomTensor(name: string, datatype: Tensor["datatype"], shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: Array.from({ length: count }, () => Buffer.from(String(randomInt(1_000_000)))) };
  }
  return { name, datatype, shape, data: randomBytes(datatype, count) };
}

function randomBytes(datatype: NumericDatatype, count: number): Uint8Array {
  const elements = allocateElements(datatype, count);
  if (elements instanceof Float32Array || elements instanceof Float64Array) return bytesOf(elements.map(() => Math.random()));
  const bytes = randomFillSync(bytesOf(elements));
  if (datatype === "BOOL") return bytes.map((byte) => byte & 1);
  // Only the mantissa and the lowest bit of the exponent, or some of them would be infinite or no numbers.
  if (datatype === "FP16" || datatype === "BF16") {
    const mask = datatype === "FP16" ? 0x07 : 0x00;
    return bytes.map((byte, index) => (index % 2 === 0 ? byte : byte & mask));
  }
  return bytes;
}

async function readBelow(name: string, folder: string, file: string): Promise<Uint8Array> {
  const path = normalize(file);
  if (isAbsolute(path) || path === ".." || path.startsWith(`..${sep}`)) {
    throw new ServeError("INVALID_ARGUMENT", `the data of '${name}' must be a file below the model's folder, found ${file}`);
  }
  try {
    return await readFile(join(folder, path));
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `the data of '${name}' cannot be read from ${file} in the model's folder: ${whyOf(error)}`, {
      cause: error,
    });
  }
}

function whyOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" ? "there is no such file" : (code ?? messageOf(error));
}
