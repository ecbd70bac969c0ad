import { ServeError } from "../core/errors.ts";
import { byteSize, DATATYPE_SIZES, type Datatype, elementCount, type Tensor } from "../core/tensor.ts";

/**
 * A tensor of the binary data extension: little-endian elements, or for BYTES each with a 32-bit length before it.
 * `model` is for the message.
 * @throws ServeError INVALID_ARGUMENT when bytes and shape disagree
 */
export function readBinary(name: string, datatype: Datatype, shape: readonly number[], bytes: Uint8Array, model?: string): Tensor {
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: readElements(name, count, bytes, model) };
  const expected = count * DATATYPE_SIZES[datatype];
  if (bytes.byteLength !== expected) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `input byte size mismatch for input '${name}'${forModel(model)}. Expected ${expected}, got ${bytes.byteLength} for ${datatype} [${shape}]`,
    );
  }
  if (datatype === "BOOL") checkBooleans(name, bytes);
  return { name, datatype, shape, data: bytes };
}

function forModel(model: string | undefined): string {
  return model === undefined ? "" : ` for model '${model}'`;
}

function checkBooleans(name: string, bytes: Uint8Array): void {
  const index = bytes.findIndex((byte) => byte > 1);
  if (index >= 0)
    throw new ServeError("INVALID_ARGUMENT", `input '${name}': element ${index} is ${bytes[index]}, expected 0 or 1 for BOOL`);
}

function readElements(name: string, count: number, bytes: Uint8Array, model: string | undefined): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    const start = offset + 4;
    offset = start <= bytes.byteLength ? start + view.getUint32(offset, true) : Number.POSITIVE_INFINITY;
    if (offset > bytes.byteLength)
      throw new ServeError("INVALID_ARGUMENT", `input '${name}': string ${elements.length} is longer than the bytes that are left`);
    elements.push(bytes.subarray(start, offset));
  }
  if (elements.length !== count) {
    const place = `for inference input '${name}'${forModel(model)}`;
    const found =
      elements.length > count
        ? `unexpected number of string elements ${elements.length} ${place}, expecting ${count}`
        : `expected ${count} string elements ${place}, got ${elements.length}`;
    throw new ServeError("INVALID_ARGUMENT", found);
  }
  return elements;
}

/** The elements as the binary data extension has them, in pieces that follow each other. */
export function binaryElements(tensor: Tensor): Uint8Array[] {
  if (tensor.datatype !== "BYTES") return [tensor.data];
  const joined = Buffer.allocUnsafe(byteSize(tensor));
  let offset = 0;
  for (const element of tensor.data) {
    offset = joined.writeUInt32LE(element.byteLength, offset);
    joined.set(element, offset);
    offset += element.byteLength;
  }
  return [joined];
}
