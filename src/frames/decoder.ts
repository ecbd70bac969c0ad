import { isUtf8 } from "node:buffer";
import { ServeError } from "../core/errors.ts";
import { FRAME_TYPES, type Frame, HEADER_SIZE, type JsonObject, MAX_BODY, MAX_METADATA, PROTOCOL_VERSION, paddingOf } from "./frame.ts";
import { MetadataReader } from "./metadata-reader.ts";

interface Header {
  readonly type: number;
  readonly stream: number;
  readonly metaLength: number;
  readonly bodyLength: number;
}

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(FRAME_TYPES));

/** Frames from the chunks of one connection. After it has thrown, the connection cannot be read on. */
export class FrameDecoder {
  readonly #metadata = new MetadataReader();
  readonly #partialHeader = Buffer.alloc(HEADER_SIZE);
  #headerBytes = 0;
  /** The frame whose contents are still coming. */
  #header: Header | undefined;
  /** Its metadata and body, allocated once; undefined for a frame that is skipped. */
  #contents: Buffer | undefined;
  #contentBytes = 0;

  /**
   * The frames that `chunk` completes. Their blobs may be views of it, so it must not be written to again.
   * Frames of unknown types are left out.
   * @throws ServeError DATA_LOSS when the bytes are not frames of the protocol
   */
  push(chunk: Uint8Array): Frame[] {
    const bytes = Buffer.from(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
    const frames: Frame[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#header !== undefined) {
        offset = this.#continue(this.#header, bytes, offset, frames);
      } else if (this.#headerBytes > 0 || bytes.length - offset < HEADER_SIZE) {
        offset = this.#continueHeader(bytes, offset, frames);
      } else {
        offset = this.#begin(readHeader(bytes, offset), bytes, offset + HEADER_SIZE, frames);
      }
    }
    return frames;
  }

  #continueHeader(bytes: Buffer, offset: number, frames: Frame[]): number {
    const copied = bytes.copy(this.#partialHeader, this.#headerBytes, offset);
    this.#headerBytes += copied;
    if (this.#headerBytes < HEADER_SIZE) return offset + copied;
    this.#headerBytes = 0;
    return this.#begin(readHeader(this.#partialHeader, 0), bytes, offset + copied, frames);
  }

  /** A frame that lies in the chunk as a whole is read in place; one that does not gets memory of its own. */
  #begin(header: Header, bytes: Buffer, offset: number, frames: Frame[]): number {
    const length = header.metaLength + header.bodyLength;
    if (bytes.length - offset >= length) {
      if (KNOWN_TYPES.has(header.type)) frames.push(this.#read(header, bytes.subarray(offset, offset + length)));
      return offset + length;
    }
    this.#header = header;
    this.#contents = KNOWN_TYPES.has(header.type) ? Buffer.allocUnsafe(length) : undefined;
    this.#contentBytes = 0;
    return this.#continue(header, bytes, offset, frames);
  }

  #continue(header: Header, bytes: Buffer, offset: number, frames: Frame[]): number {
    const length = header.metaLength + header.bodyLength;
    const end = Math.min(bytes.length, offset + length - this.#contentBytes);
    this.#contents?.set(bytes.subarray(offset, end), this.#contentBytes);
    this.#contentBytes += end - offset;
    if (this.#contentBytes === length) {
      if (this.#contents !== undefined) frames.push(this.#read(header, this.#contents));
      this.#header = undefined;
      this.#contents = undefined;
    }
    return end;
  }

  #read({ type, stream, metaLength }: Header, contents: Buffer): Frame {
    const meta = this.#readMetadata(contents.subarray(0, metaLength));
    return { type, stream, meta, blobs: splitBody(meta, contents, metaLength) };
  }

  #readMetadata(bytes: Buffer): JsonObject {
    if (!isUtf8(bytes)) throw broken("metadata is not UTF-8");
    let meta: unknown;
    try {
      meta = this.#metadata.read(bytes.toString());
    } catch (cause) {
      throw broken("metadata is not JSON", cause);
    }
    if (typeof meta !== "object" || meta === null || Array.isArray(meta)) throw broken("metadata is not a JSON object");
    return meta as JsonObject;
  }
}

function readHeader(bytes: Buffer, offset: number): Header {
  if (bytes.readUInt16BE(offset) !== 0x4e54) throw broken("a frame does not begin with NT");
  const protocol = bytes[offset + 2];
  if (protocol !== PROTOCOL_VERSION) throw broken(`protocol version ${protocol} instead of ${PROTOCOL_VERSION}`);
  const metaLength = bytes.readUInt32LE(offset + 8);
  const bodyLength = bytes.readUInt32LE(offset + 16) + bytes.readUInt32LE(offset + 20) * 2 ** 32;
  if (bytes.readUInt32LE(offset + 12) !== 0) throw broken("the reserved bytes of a header are not zero");
  if (metaLength % 8 !== 0 || metaLength > MAX_METADATA) throw broken(`metadata of ${metaLength} bytes`);
  if (bodyLength % 8 !== 0 || bodyLength > MAX_BODY) throw broken(`a body of ${bodyLength} bytes`);
  return { type: bytes[offset + 3] as number, stream: bytes.readUInt32LE(offset + 4), metaLength, bodyLength };
}

/** Views of the blobs that `meta.tensors` names, which lie one after the other from `offset` to the end of `contents`. */
function splitBody(meta: JsonObject, contents: Buffer, offset: number): Uint8Array[] {
  const blobs: Uint8Array[] = [];
  let position = offset;
  if (Array.isArray(meta.tensors)) {
    for (const tensor of meta.tensors) {
      const length = (tensor as JsonObject | null)?.bytes;
      if (typeof length !== "number" || !Number.isInteger(length) || length < 0) throw broken("a tensor without a length in bytes");
      const end = position + length;
      if (end > contents.length) throw broken("blobs are longer than the body");
      blobs.push(contents.subarray(position, end));
      position = end + paddingOf(length);
    }
  }
  if (position !== contents.length) throw broken("blobs and body disagree");
  return blobs;
}

function broken(what: string, cause?: unknown): ServeError {
  return new ServeError("DATA_LOSS", `broken frame: ${what}`, { cause });
}
