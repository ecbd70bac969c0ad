import { ServeError } from "../core/errors.ts";

/** A flag that says whether the message is compressed, and its length in 32 bits. */
const PREFIX_BYTES = 5;
const EMPTY = new Uint8Array(0);
/** Memory for this many bytes of a message is taken when its length is known, or for an eighth of it; for the rest when these have come. */
const SMALL_MESSAGE = 1024 * 1024;
const FIRST_PART = 8;

/** What a message costs while it is held. */
export interface MessageAccount {
  /** @throws ServeError RESOURCE_EXHAUSTED when there is no room for so many bytes */
  hold(bytes: number): void;
  release(): void;
}

export interface FramedMessage {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;
  /** Has the message's bytes. */
  readonly account: MessageAccount;
}

/** Cuts the bytes of one direction of a call into messages. Each is a view of what came when that was one piece, else copied once. */
export class MessageReader {
  readonly #limit: number;
  readonly #open: () => MessageAccount;
  readonly #onMessage: (message: FramedMessage) => void;
  #prefix: Uint8Array = EMPTY;
  #compressed = false;
  #account: MessageAccount | undefined;
  /** Bytes of the message that is being read. */
  #length = 0;
  #read = 0;
  #memory: Uint8Array = EMPTY;

  /** `open` makes the account of a message that begins. */
  constructor(limit: number, open: () => MessageAccount, onMessage: (message: FramedMessage) => void) {
    this.#limit = limit;
    this.#open = open;
    this.#onMessage = onMessage;
  }

  /** Whether a message has begun and not ended. */
  get partial(): boolean {
    return this.#prefix.byteLength > 0 || this.#account !== undefined;
  }

  /** @throws ServeError RESOURCE_EXHAUSTED for a message over the limit, or when all messages together hold too much */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) {
      if (this.#account === undefined) {
        if (this.#prefix.byteLength > 0) {
          rest = Buffer.concat([this.#prefix, rest]);
          this.#prefix = EMPTY;
        }
        if (rest.byteLength < PREFIX_BYTES) {
          this.#prefix = Uint8Array.from(rest);
          return;
        }
        rest = this.#begin(rest);
      } else {
        const taken = Math.min(rest.byteLength, this.#length - this.#read);
        this.#account.hold(taken);
        this.#take(taken === rest.byteLength ? rest : rest.subarray(0, taken));
        rest = rest.subarray(taken);
      }
      if (this.#account !== undefined && this.#read === this.#length) this.#end(this.#account);
    }
  }

  /** Lets go of a message that will not be read on. */
  clear(): void {
    this.#account?.release();
    this.#account = undefined;
    this.#memory = EMPTY;
    this.#prefix = EMPTY;
  }

  #begin(bytes: Uint8Array): Uint8Array {
    const flag = bytes[0] as number;
    if (flag > 1) throw new ServeError("INTERNAL", `a message begins with the byte ${flag}, expected 0 or 1: whether it is compressed`);
    this.#length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
    if (this.#length > this.#limit) {
      throw new ServeError("RESOURCE_EXHAUSTED", `the message has ${this.#length} bytes, more than the limit of ${this.#limit} bytes`);
    }
    this.#compressed = flag === 1;
    this.#account = this.#open();
    this.#read = 0;
    const end = PREFIX_BYTES + this.#length;
    if (bytes.byteLength < end) return bytes.subarray(PREFIX_BYTES);
    this.#account.hold(this.#length);
    this.#read = this.#length;
    this.#memory = bytes.subarray(PREFIX_BYTES, end);
    return bytes.subarray(end);
  }

  #take(piece: Uint8Array): void {
    const from = this.#read;
    this.#read += piece.byteLength;
    const had = this.#memory;
    if (this.#read > had.byteLength) {
      const first = Math.max(SMALL_MESSAGE, Math.ceil(this.#length / FIRST_PART));
      this.#memory = Buffer.allocUnsafeSlow(this.#read <= first ? Math.min(this.#length, first) : this.#length);
      this.#memory.set(had.subarray(0, from));
    }
    this.#memory.set(piece, from);
  }

  #end(account: MessageAccount): void {
    const bytes = this.#memory;
    this.#memory = EMPTY;
    this.#account = undefined;
    this.#onMessage({ bytes, compressed: this.#compressed, account });
  }
}

/** The prefix of a message of `length` bytes. */
export function prefixOf(length: number, compressed: boolean): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  writePrefix(prefix, length, compressed);
  return prefix;
}

/** A message that is small enough to be copied, with its prefix. */
export function framed(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + length);
  writePrefix(frame, length, false);
  let offset = PREFIX_BYTES;
  for (const piece of pieces) {
    frame.set(piece, offset);
    offset += piece.byteLength;
  }
  return frame;
}

function writePrefix(bytes: Uint8Array, length: number, compressed: boolean): void {
  bytes[0] = compressed ? 1 : 0;
  bytes[1] = length >>> 24;
  bytes[2] = length >>> 16;
  bytes[3] = length >>> 8;
  bytes[4] = length;
}
