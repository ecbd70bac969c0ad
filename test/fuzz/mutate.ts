/** Numbers at which code changes its mind. */
const INTERESTING = [0, 1, 7, 8, 127, 128, 255, 256, 65535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
/** Texts that mean something to one of the readers. */
const TOKENS = [
  '"__proto__"',
  "null",
  "-1",
  "1e999",
  "9007199254740993",
  "[",
  "]",
  "{",
  "}",
  '"',
  "\\u0000",
  "\\ud800",
  "[[]]",
  '"shape":[-1]',
  '"datatype":"BYTES"',
  "&a *a",
  "<<: *a",
  "--- ",
  "!!binary",
  "../",
  "/",
  "\0",
  "\n",
].map((text) => Buffer.from(text));
const MOST_BYTES = 64 * 1024;

/** A few changes of an input, and now and then a piece of another one. */
export function mutate(input: Uint8Array, other: Uint8Array, random: () => number): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) bytes = change(bytes, other, random);
  return bytes.subarray(0, MOST_BYTES);
}

function change(bytes: Buffer, other: Uint8Array, random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * Math.max(1, limit));
  const at = below(bytes.length + 1);
  const length = below(Math.min(32, bytes.length - at) + 1);
  switch (below(9)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[below(copy.length)] = below(256);
      return copy;
    }
    case 1: {
      const copy = Buffer.from(bytes);
      const index = below(copy.length);
      if (copy.length > 0) copy[index] = (copy[index] as number) ^ (1 << below(8));
      return copy;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), TOKENS[below(TOKENS.length)] as Buffer, bytes.subarray(at)]);
    case 5: {
      const start = below(other.length);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(start, start + below(256)), bytes.subarray(at)]);
    }
    case 6:
      return bytes.subarray(0, at);
    case 7: {
      const copy = Buffer.from(bytes);
      if (copy.length >= 4) copy.writeUInt32LE(INTERESTING[below(INTERESTING.length)] as number, below(copy.length - 3));
      return copy;
    }
    default: {
      const text = String(INTERESTING[below(INTERESTING.length)] as number);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random() < 0.5 ? text : `-${text}`), bytes.subarray(at)]);
    }
  }
}
