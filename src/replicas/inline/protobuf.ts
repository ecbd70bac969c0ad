/** Wire types of protocol buffers; 3 and 4 are groups, which nothing here has. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const MAX_VARINT_BYTES = 10;
/** What is looked at, of one message. */
const MOST_FIELDS = 100_000;
const decoder = new TextDecoder();

/** A string or an inner message. */
export interface Field {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/**
 * The strings and inner messages of one message in their order, as views of its bytes; numbers are skipped, and inner messages not
 * entered. So a file costs one pass over what is looked at, whatever it claims to hold.
 * @throws Error for bytes that are no message, or one with more than 100,000 of them
 */
export function* fieldsOf(message: Uint8Array): Generator<Field, void, undefined> {
  const end = message.byteLength;
  let at = 0;
  let count = 0;
  while (at < end) {
    const [tag, afterTag] = (message[at] as number) < 0x80 ? [message[at] as number, at + 1] : varintAt(message, at);
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case VARINT:
        at = (message[afterTag] ?? 0x80) < 0x80 ? afterTag + 1 : varintAt(message, afterTag)[1];
        break;
      case FIXED64:
        at = afterTag + 8;
        break;
      case FIXED32:
        at = afterTag + 4;
        break;
      case LENGTH: {
        const [length, start] = varintAt(message, afterTag);
        at = start + length;
        if (at <= end) yield { number, bytes: message.subarray(start, at) };
        if (++count > MOST_FIELDS) throw new Error(`a message has more than ${MOST_FIELDS} fields`);
        break;
      }
      default:
        throw new Error(`field ${number} has the unknown wire type ${tag % 8}`);
    }
    if (at > end) throw new Error(`field ${number} is cut off`);
  }
}

export function textOf({ bytes }: Field): string {
  return decoder.decode(bytes);
}

/** A number, exact below 2^53, and where it ends. */
function varintAt(message: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  let scale = 1;
  for (let at = start; at < start + MAX_VARINT_BYTES; at++) {
    const byte = message[at];
    if (byte === undefined) throw new Error("a number is cut off");
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at + 1];
    scale *= 128;
  }
  throw new Error("a number is longer than 64 bits");
}
