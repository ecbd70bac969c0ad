import { ServeError } from "../core/errors.ts";
import { byteSize, DATATYPE_SIZES, type Datatype, elementCount, type Tensor } from "../core/tensor.ts";

/** Whose bytes they are, for messages. */
export type TensorSide = "input" | "output";

/**
 * A tensor of the binary data extension: little-endian elements, or for BYTES each with a 32-bit length before it.
 * `model` is for the message.
 * @throws ServeError INVALID_ARGUMENT when bytes and shape disagree
 */
export function readBinary(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  bytes: Uint8Array,
  model?: string,
  side: TensorSide = "input",
): Tensor {
  const count = elementCount(shape);
  const subject = `${side} '${name}'`;
  if (datatype === "BYTES") return { name, datatype, shape, data: readElements(subject, count, bytes, model) };
  const expected = count * DATATYPE_SIZES[datatype];
  if (bytes.byteLength !== expected) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `${side} byte size mismatch for ${subject}${forModel(model)}. Expected ${expected}, got ${bytes.byteLength} for ${datatype} [${shape}]`,
    );
  }
  if (datatype === "BOOL") checkBooleans(subject, bytes);
  return { name, datatype, shape, data: bytes };
}

function forModel(model: string | undefined): string {
  return model === undefined ? "" : ` for model '${model}'`;
}

function checkBooleans(subject: string, bytes: Uint8Array): void {
  const index = bytes.findIndex((byte) => byte > 1);
  if (index >= 0) throw new ServeError("INVALID_ARGUMENT", `${subject}: element ${index} is ${bytes[index]}, expected 0 or 1 for BOOL`);
}

function readElements(subject: string, count: number, bytes: Uint8Array, model: string | undefined): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    const start = offset + 4;
    offset = start <= bytes.byteLength ? start + view.getUint32(offset, true) : Number.POSITIVE_INFINITY;
    if (offset > bytes.byteLength)
      throw new ServeError("INVALID_ARGUMENT", `${subject}: string ${elements.length} is longer than the bytes that are left`);
    elements.push(bytes.subarray(start, offset));
  }
  if (elements.length !== count) {
    const place = `for inference ${subject}${forModel(model)}`;
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
