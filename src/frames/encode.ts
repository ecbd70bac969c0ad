import { ServeError } from "../core/errors.ts";
import { HEADER_SIZE, MAX_BODY, MAX_METADATA, PROTOCOL_VERSION, paddingOf } from "./frame.ts";
import { JsonText, stringifyJson } from "./json.ts";

/** Bytes of body up to which copying it beside the metadata is cheaper than one more buffer to write. */
const SMALL_BODY = 16 * 1024;
const ZEROS = new Uint8Array(8);
const SPACE = 0x20;

/**
 * One frame as buffers to write in this order. Large blobs are not copied: they must not change until they are written.
 * @throws ServeError RESOURCE_EXHAUSTED when metadata or body are over the protocol's limits
 */
export function encodeFrame(type: number, stream: number, meta: object, blobs: readonly Uint8Array[] = []): Uint8Array[] {
  const text = meta instanceof JsonText ? meta.text : stringifyJson(meta);
  const textLength = Buffer.byteLength(text);
  const metaLength = textLength + paddingOf(textLength);
  let bodyLength = 0;
  for (const blob of blobs) bodyLength += blob.byteLength + paddingOf(blob.byteLength);
  if (metaLength > MAX_METADATA) throw tooLarge("metadata", metaLength, MAX_METADATA);
  if (bodyLength > MAX_BODY) throw tooLarge("body", bodyLength, MAX_BODY);

  const inline = bodyLength < SMALL_BODY;
  const buffer = Buffer.allocUnsafe(HEADER_SIZE + metaLength + (inline ? bodyLength : 0));
  writeHeader(buffer, type, stream, metaLength, bodyLength);
  let offset = HEADER_SIZE + buffer.write(text, HEADER_SIZE);
  offset = fill(buffer, offset, paddingOf(textLength), SPACE);
  if (!inline) return [buffer, ...padded(blobs)];
  for (const blob of blobs) {
    buffer.set(blob, offset);
    offset = fill(buffer, offset + blob.byteLength, paddingOf(blob.byteLength), 0);
  }
  return [buffer];
}

function writeHeader(buffer: Buffer, type: number, stream: number, metaLength: number, bodyLength: number): void {
  buffer[0] = 0x4e;
  buffer[1] = 0x54;
  buffer[2] = PROTOCOL_VERSION;
  buffer[3] = type;
  buffer.writeUInt32LE(stream, 4);
  buffer.writeUInt32LE(metaLength, 8);
  buffer.writeUInt32LE(0, 12);
  buffer.writeUInt32LE(bodyLength, 16);
  buffer.writeUInt32LE(0, 20);
}

function fill(buffer: Buffer, offset: number, length: number, value: number): number {
  const end = offset + length;
  for (let index = offset; index < end; index++) buffer[index] = value;
  return end;
}

function* padded(blobs: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const blob of blobs) {
    yield blob;
    const padding = paddingOf(blob.byteLength);
    if (padding > 0) yield ZEROS.subarray(0, padding);
  }
}

function tooLarge(part: string, length: number, limit: number): ServeError {
  return new ServeError("RESOURCE_EXHAUSTED", `the ${part} of a frame would have ${length} bytes, more than ${limit}`);
}
