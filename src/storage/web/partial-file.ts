import { rm, stat } from "node:fs/promises";
import { z } from "zod";
import { readRecord, systemCodeOf, writeRecord } from "../disk.ts";

/** What tells one version of a file at a URL from the next (RFC 9110, section 8.8). */
export const Validators = z.object({ etag: z.string().optional(), lastModified: z.string().optional() });
export type Validators = z.infer<typeof Validators>;

export interface LeftOver {
  readonly bytes: number;
  /** What If-Range says, so that the rest of another version is not sent. */
  readonly ifRange: string;
  readonly validators: Validators;
}

/** The part of a file that has been downloaded, with a note beside it on which version it is a part of. */
export class PartialFile {
  readonly path: string;
  readonly #note: string;

  constructor(path: string) {
    this.path = path;
    this.#note = `${path}.json`;
  }

  async bytes(): Promise<number> {
    try {
      return (await stat(this.path)).size;
    } catch (error) {
      if (systemCodeOf(error) === "ENOENT") return 0;
      throw error;
    }
  }

  /** What can be continued: a part of a version that can be told from others. */
  async leftOver(): Promise<LeftOver | undefined> {
    const validators = await readRecord(this.#note, Validators);
    // A weak ETag may be the same for other bytes.
    const etag = validators?.etag?.startsWith("W/") === true ? undefined : validators?.etag;
    const ifRange = etag ?? validators?.lastModified;
    const bytes = await this.bytes();
    return validators === undefined || ifRange === undefined || bytes === 0 ? undefined : { bytes, ifRange, validators };
  }

  /** Forgets what is there; the file does not exist then. */
  async begin(validators: Validators): Promise<void> {
    await rm(this.path, { force: true });
    await writeRecord(this.#note, validators);
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#note, { force: true });
  }
}
