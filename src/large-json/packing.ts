import type { BytesTensor, NumericTensor, Tensor } from "../core/tensor.ts";
import { BYTES_A_TURN, joinInTurns, nextTurn } from "../core/turns.ts";

/**
 * A tensor as it crosses between threads. Elements of BYTES, each an object of its own, are one run of bytes and their lengths: to clone
 * a million small views would hold both threads for a second.
 */
export type PackedTensor = NumericTensor | PackedBytes;

interface PackedBytes extends Pick<BytesTensor, "name" | "datatype" | "shape"> {
  readonly data: Uint8Array;
  readonly lengths: Uint32Array;
}

/** What a turn of the event loop makes or takes apart at most: a millisecond or two. */
const ELEMENTS_A_TURN = 16_384;

/** Buffers to be transferred, each once. */
export type Transfer = Set<ArrayBuffer>;

/** Tensors that nobody else uses: their memory is transferred, not copied. For a thread, which may take its time. */
export function packOwn(tensors: readonly Tensor[], transfer: Transfer): PackedTensor[] {
  return tensors.map((tensor) => {
    if (tensor.datatype !== "BYTES") {
      const { data } = tensor;
      // A pool cannot be transferred. What is larger has memory of its own, or is a part of the body.
      const isPooled = data.byteLength < data.buffer.byteLength && data.byteLength < Buffer.poolSize;
      const own = isPooled ? { ...tensor, data: new Uint8Array(data) } : tensor;
      transfer.add(own.data.buffer as ArrayBuffer);
      return own;
    }
    const packed = emptyPack(tensor, transfer);
    let offset = 0;
    tensor.data.forEach((element, index) => {
      packed.data.set(element, offset);
      packed.lengths[index] = element.byteLength;
      offset += element.byteLength;
    });
    return packed;
  });
}

/** Copies of tensors whose memory others may use too, made over as many turns of the event loop as it takes. */
export async function packCopies(tensors: readonly Tensor[], transfer: Transfer): Promise<PackedTensor[]> {
  const packed: PackedTensor[] = [];
  for (const tensor of tensors) {
    if (tensor.datatype !== "BYTES") {
      const data = await joinInTurns([tensor.data], tensor.data.byteLength);
      transfer.add(data.buffer);
      packed.push({ ...tensor, data });
      continue;
    }
    const pack = emptyPack(tensor, transfer);
    let offset = 0;
    let turn = 0;
    for (const [index, element] of tensor.data.entries()) {
      if (++turn > ELEMENTS_A_TURN || offset % BYTES_A_TURN > (offset + element.byteLength) % BYTES_A_TURN) {
        turn = 0;
        await nextTurn();
      }
      pack.data.set(element, offset);
      pack.lengths[index] = element.byteLength;
      offset += element.byteLength;
    }
    packed.push(pack);
  }
  return packed;
}

/** The tensors again; elements of BYTES are views of one buffer. */
export function unpack(packed: readonly PackedTensor[]): Tensor[] {
  return packed.map((tensor) => {
    if (!isPackedBytes(tensor)) return tensor;
    const data: Uint8Array[] = [];
    let offset = 0;
    for (const length of tensor.lengths) {
      data.push(tensor.data.subarray(offset, offset + length));
      offset += length;
    }
    return { ...tensor, data };
  });
}

/** The same, over as many turns of the event loop as it takes. */
export async function unpackInTurns(packed: readonly PackedTensor[]): Promise<Tensor[]> {
  const tensors: Tensor[] = [];
  for (const tensor of packed) {
    if (!isPackedBytes(tensor)) {
      tensors.push(tensor);
      continue;
    }
    const data: Uint8Array[] = [];
    let offset = 0;
    for (const length of tensor.lengths) {
      if (data.length % ELEMENTS_A_TURN === ELEMENTS_A_TURN - 1) await nextTurn();
      data.push(tensor.data.subarray(offset, offset + length));
      offset += length;
    }
    tensors.push({ name: tensor.name, datatype: "BYTES", shape: tensor.shape, data });
  }
  return tensors;
}

/**
 * The same bytes in memory of their own, which can be transferred. What has its buffer to itself is that already; a slice of a pool or
 * of what a socket has read shares its buffer with other requests and is copied.
 */
export function owned(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength) return new Uint8Array(buffer);
  return joinInTurns([bytes], byteLength);
}

function emptyPack({ name, datatype, shape, data }: BytesTensor, transfer: Transfer): PackedBytes {
  const bytes = new Uint8Array(data.reduce((sum, element) => sum + element.byteLength, 0));
  const lengths = new Uint32Array(data.length);
  transfer.add(bytes.buffer).add(lengths.buffer);
  return { name, datatype, shape, data: bytes, lengths };
}

function isPackedBytes(tensor: PackedTensor): tensor is PackedBytes {
  return tensor.datatype === "BYTES";
}
