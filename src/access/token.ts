import { hash, randomBytes } from "node:crypto";

/** So that people and scanners for leaked secrets see what it is. */
const PREFIX = "nitrous_";
const RANDOM_BYTES = 32;
const LENGTH = PREFIX.length + Math.ceil((RANDOM_BYTES * 4) / 3);

export function createToken(): string {
  return PREFIX + randomBytes(RANDOM_BYTES).toString("base64url");
}

/** Whether a text can be a key at all; what cannot is not worth hashing. */
export function looksLikeToken(text: string): boolean {
  return text.length === LENGTH && text.startsWith(PREFIX);
}

/**
 * SHA-256 in hexadecimal digits. A slow hash with salt is for secrets that people choose: nobody finds 256 random bits by trying, so a
 * quick one gives away as little.
 */
export function digestOf(token: string): string {
  return hash("sha256", token, "hex");
}
