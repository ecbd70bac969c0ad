import { timingSafeEqual } from "node:crypto";
import type { Key } from "../core/access.ts";
import { parseRateLimit, type RateLimit } from "../core/rate-limit.ts";
import type { StoredKey } from "./key-folder.ts";
import { digestOf, looksLikeToken } from "./token.ts";

interface Entry {
  readonly key: Key;
  readonly digest: Buffer;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Hexadecimal digits by which a key is looked up; what follows is compared without telling by its time how much is right. */
const LOOKUP_DIGITS = 32;

/** The keys that a server knows, in memory. */
export class KeyRing {
  readonly #wallClock: () => number;
  #entries = new Map<string, Entry>();
  #rates = new Map<string, RateLimit>();
  #closed: boolean;

  /** `closed`: asks for a key even when there is none. */
  constructor(closed: boolean, wallClock: () => number) {
    this.#closed = closed;
    this.#wallClock = wallClock;
  }

  /**
   * Whether requests need a key. Once they have, they do until the server ends: revoking the last key must not open what it closed.
   */
  get closed(): boolean {
    return this.#closed;
  }

  /** From now on these are the keys. Returns whether somebody may do less than before. */
  replace(keys: readonly StoredKey[], damaged: number): boolean {
    const entries = new Map(
      keys.map(({ digest, ...key }): [string, Entry] => [
        digest.slice(0, LOOKUP_DIGITS),
        { key, digest: Buffer.from(digest), expires: key.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(key.expires) },
      ]),
    );
    const closes = !this.#closed && keys.length + damaged > 0;
    const revokes = [...this.#entries].some(([digits, { key }]) => JSON.stringify(entries.get(digits)?.key) !== JSON.stringify(key));
    this.#entries = entries;
    this.#rates = new Map(
      keys.flatMap(({ name, rate }) => {
        const limit = rate === undefined ? undefined : parseRateLimit(rate);
        return limit === undefined ? [] : [[name, limit]];
      }),
    );
    if (closes) this.#closed = true;
    return closes || revokes;
  }

  /** The limit of the key of that name, when it has one. */
  rateOf(name: string): RateLimit | undefined {
    return this.#rates.size === 0 ? undefined : this.#rates.get(name);
  }

  /** The key that somebody holds who sends this; undefined when there is none or it has expired. */
  find(token: string): Key | undefined {
    if (!looksLikeToken(token)) return undefined;
    const digest = digestOf(token);
    const entry = this.#entries.get(digest.slice(0, LOOKUP_DIGITS));
    if (entry === undefined || !timingSafeEqual(Buffer.from(digest), entry.digest)) return undefined;
    return entry.expires > this.#wallClock() ? entry.key : undefined;
  }
}
