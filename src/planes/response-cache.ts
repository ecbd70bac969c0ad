import { createHash, type Hash } from "node:crypto";
import type { Payload } from "../core/inference.ts";
import type { ReplicaCall } from "../core/replica.ts";
import { byteSize, type Tensor } from "../core/tensor.ts";

/** Larger inputs are not looked up: to hash them would hold up others. Bytes. */
const LARGEST_INPUTS = 8 * 1024 * 1024;
/** What an entry takes besides its tensors, about. Bytes. */
const ENTRY_BYTES = 512;

interface Kept {
  readonly payload: Payload;
  readonly bytes: number;
}

/**
 * Answers of models whose owners said that equal requests have equal answers. Bounded in bytes; what was asked for longest ago goes first.
 */
export class ResponseCache {
  readonly maxBytes: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Kept>();
  #bytes = 0;
  #evictions = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#entries.size;
  }

  /** Entries that went to make room. */
  get evictions(): number {
    return this.#evictions;
  }

  /**
   * What an answer depends on: the loaded version, of which there is a new one for each revision and each change of its files, and all of
   * the call. Undefined for calls that are not kept.
   */
  keyOf(modelId: string, { method, payload, outputs, parameters }: ReplicaCall): string | undefined {
    if (payload.kind !== "tensors" || payload.tensors.reduce((sum, tensor) => sum + byteSize(tensor), 0) > LARGEST_INPUTS) return undefined;
    const hash = createHash("sha256");
    const head = payload.tensors.map(({ name, datatype, shape }) => [name, datatype, shape]);
    addText(hash, JSON.stringify([modelId, method, outputs ?? null, sorted(parameters), head]));
    for (const tensor of payload.tensors) addTensor(hash, tensor);
    return hash.digest("base64");
  }

  get(key: string): Payload | undefined {
    const kept = this.#entries.get(key);
    if (kept === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, kept);
    return kept.payload;
  }

  /** Keeps a copy: an answer may be a view of much more memory than its own. Nothing is kept that would fill more than half of the cache. */
  put(key: string, payload: Payload): void {
    if (payload.kind !== "tensors" || this.#entries.has(key)) return;
    const bytes = payload.tensors.reduce((sum, tensor) => sum + byteSize(tensor), ENTRY_BYTES);
    if (bytes > this.maxBytes / 2) return;
    for (const [oldest, { bytes: freed }] of this.#entries) {
      if (this.#bytes + bytes <= this.maxBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= freed;
      this.#evictions++;
    }
    this.#entries.set(key, { payload: { kind: "tensors", tensors: payload.tensors.map(copyOf) }, bytes });
    this.#bytes += bytes;
  }
}

function copyOf(tensor: Tensor): Tensor {
  if (tensor.datatype === "BYTES") return { ...tensor, data: tensor.data.map((element) => Uint8Array.from(element)) };
  return { ...tensor, data: Uint8Array.from(tensor.data) };
}

function addTensor(hash: Hash, tensor: Tensor): void {
  if (tensor.datatype !== "BYTES") {
    hash.update(tensor.data);
    return;
  }
  // Lengths first, so that no two lists of texts are the same bytes.
  hash.update(Uint32Array.from(tensor.data, ({ byteLength }) => byteLength));
  for (const element of tensor.data) hash.update(element);
}

function addText(hash: Hash, text: string): void {
  hash.update(`${text.length}:${text}`);
}

function sorted(parameters: ReplicaCall["parameters"]): unknown {
  return Object.entries(parameters ?? {})
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => [name, typeof value, String(value)]);
}
