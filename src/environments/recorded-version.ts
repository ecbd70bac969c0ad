import { readFile } from "node:fs/promises";
import { unzlibSync } from "fflate";

const KEY = Buffer.from("_sklearn_version");

/**
 * The version of scikit-learn that a pickle or joblib file says it was made with, found in its bytes without running
 * any of it. Undefined when it says none or is compressed in a way that cannot be looked into.
 */
export async function recordedScikitLearn(file: string): Promise<string | undefined> {
  return recordedIn(await readFile(file));
}

/** The string after the key: a pickle keeps both as short strings with an opcode, a length, and maybe a memo between them. */
export function recordedIn(bytes: Buffer): string | undefined {
  const plain = decompressed(bytes);
  const at = plain.lastIndexOf(KEY);
  if (at < 0) return undefined;
  const after = plain.subarray(at + KEY.length, at + KEY.length + 32).toString("latin1");
  return /\d+\.\d+(?:\.\d+)?(?:(?:rc|a|b|\.dev|\.post)\d+)*/.exec(after)?.[0];
}

function decompressed(bytes: Buffer): Buffer {
  // joblib's default compression is zlib, whose header begins with 0x78.
  if (bytes[0] !== 0x78) return bytes;
  try {
    return Buffer.from(unzlibSync(bytes));
  } catch {
    return bytes;
  }
}
