import { randomBytes } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type CreatedKey, type Key, type Keys, type KeyWish, SCOPES } from "../core/access.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import { parseRateLimit, RATE_LIMIT_RULE } from "../core/rate-limit.ts";
import { assertKeyName, keyFrom } from "./key-wish.ts";
import { createToken, digestOf } from "./token.ts";

const storedKey = z.object({
  name: z.string(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.enum(SCOPES)).min(1),
  models: z.array(z.string()),
  created: z.iso.datetime(),
  expires: z.iso.datetime().optional(),
  rate: z
    .string()
    .refine((text) => parseRateLimit(text) !== undefined, `expected ${RATE_LIMIT_RULE}`)
    .optional(),
});

/** A key and the SHA-256 of what its holder sends. */
export type StoredKey = Key & { readonly digest: string };

export interface FolderContents {
  /** By name. */
  readonly keys: readonly StoredKey[];
  /** What is wrong with each file that holds no key. */
  readonly damaged: readonly string[];
}

const ENDING = ".json";

export function keyFolderOf(stateDirectory: string): string {
  return join(stateDirectory, "keys");
}

/**
 * Keys in a folder, one file each. They are not in the database: that one a server has locked, while keys are made and revoked beside a
 * server that runs, hangs or is not there; and going back to an older copy of the state must not bring a revoked key back.
 */
export class KeyFolder implements Keys {
  readonly #path: string;
  readonly #wallClock: () => number;

  constructor(path: string, wallClock: () => number = Date.now) {
    this.#path = path;
    this.#wallClock = wallClock;
  }

  /** @throws ServeError FAILED_PRECONDITION when the folder cannot be read; one that is not there is empty */
  async read(): Promise<FolderContents> {
    const keys: StoredKey[] = [];
    const damaged: string[] = [];
    for (const file of await this.#files()) {
      const path = join(this.#path, file);
      try {
        const key = storedKey.parse(JSON.parse(await readFile(path, "utf8")));
        if (`${key.name}${ENDING}` !== file) throw new Error(`it is the key ${key.name}`);
        keys.push(key);
      } catch (error) {
        // Revoked in this moment.
        if (isCode(error, "ENOENT")) continue;
        const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
        damaged.push(`${path} is not a key (${reason.replaceAll("\n", " ")}); revoke it or delete the file`);
      }
    }
    return { keys, damaged };
  }

  async list(): Promise<readonly Key[]> {
    return (await this.read()).keys.map(({ digest: _, ...key }) => key);
  }

  async create(wish: KeyWish): Promise<CreatedKey> {
    const key = keyFrom(wish, this.#wallClock());
    const token = createToken();
    const partial = join(this.#path, `.${key.name}.${randomBytes(6).toString("hex")}.partial`);
    try {
      await mkdir(this.#path, { recursive: true, mode: 0o700 });
      await writeDurably(partial, `${JSON.stringify({ ...key, digest: digestOf(token) } satisfies StoredKey, undefined, 2)}\n`);
      // Unlike a rename it leaves a key of that name alone.
      await link(partial, this.#file(key.name));
    } catch (error) {
      if (isCode(error, "EEXIST"))
        throw new ServeError("ALREADY_EXISTS", `there is a key ${key.name} already; revoke it first, or choose another name`);
      throw new ServeError("FAILED_PRECONDITION", `the key cannot be stored in ${this.#path}: ${messageOf(error)}`, { cause: error });
    } finally {
      await rm(partial, { force: true });
    }
    await this.#sync();
    return { key, token };
  }

  async revoke(name: string): Promise<void> {
    assertKeyName(name);
    try {
      await rm(this.#file(name));
    } catch (error) {
      if (isCode(error, "ENOENT")) throw new ServeError("NOT_FOUND", `there is no key ${name}`);
      throw new ServeError("FAILED_PRECONDITION", `the key cannot be deleted from ${this.#path}: ${messageOf(error)}`, { cause: error });
    }
    await this.#sync();
  }

  #file(name: string): string {
    return join(this.#path, name + ENDING);
  }

  async #files(): Promise<string[]> {
    try {
      return (await readdir(this.#path)).filter((file) => file.endsWith(ENDING)).sort();
    } catch (error) {
      if (isCode(error, "ENOENT")) return [];
      throw new ServeError("FAILED_PRECONDITION", `the keys in ${this.#path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Makes names in the folder survive a crash of the machine. */
  async #sync(): Promise<void> {
    const folder = await open(this.#path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
