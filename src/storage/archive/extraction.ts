import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ServeError } from "../../core/errors.ts";
import { writeChunks } from "../write-chunks.ts";
import { entryNames, isMacNoise } from "./entry-path.ts";
import { type ArchiveLimits, RATIO_FLOOR } from "./limits.ts";

/** One entry of an archive, whatever its format. */
export interface ArchiveEntry {
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly executable: boolean;
  /** Read once, or never. Empty for a folder. */
  content(): AsyncIterable<Uint8Array>;
}

/** Writes the entries of one archive into an empty folder, and refuses those that could do harm. */
export class Extraction {
  readonly #folder: string;
  readonly #limits: ArchiveLimits;
  readonly #archiveBytes: number;
  readonly #signal: AbortSignal;
  /** By the path as a system sees it that knows neither case nor Unicode forms. */
  readonly #seen = new Map<string, { readonly path: string; readonly kind: "file" | "folder" }>();
  #bytes = 0;
  #entries = 0;
  #files = 0;

  constructor(folder: string, archiveBytes: number, limits: ArchiveLimits, signal: AbortSignal) {
    this.#folder = folder;
    this.#archiveBytes = archiveBytes;
    this.#limits = limits;
    this.#signal = signal;
  }

  get files(): number {
    return this.#files;
  }

  /** @throws ServeError FAILED_PRECONDITION for what is refused; what was written before it stays for the caller to remove */
  async add(entry: ArchiveEntry): Promise<void> {
    this.#signal.throwIfAborted();
    this.#entries += 1;
    if (this.#entries > this.#limits.entries) throw refused(`it holds more than ${this.#limits.entries} entries`);
    const names = entryNames(entry.path, this.#limits.pathBytes);
    const wanted = names.length > 0 && !isMacNoise(names);
    if (!wanted) {
      // Read all the same, so that the entry after it is reached.
      for await (const _chunk of entry.content()) this.#signal.throwIfAborted();
      return;
    }
    this.#claim(names, entry.kind);
    const target = join(this.#folder, ...names);
    await mkdir(entry.kind === "folder" ? target : join(target, ".."), { recursive: true, mode: 0o755 });
    if (entry.kind === "folder") return;
    this.#files += 1;
    await writeChunks(target, entry.content(), {
      flags: "wx",
      mode: entry.executable ? 0o755 : 0o644,
      signal: this.#signal,
    });
  }

  /**
   * For the reader of a format to call with all that comes out of the archive, before it passes it on.
   * @throws ServeError FAILED_PRECONDITION when that is too much
   */
  count(bytes: number): void {
    this.#signal.throwIfAborted();
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw refused(`it unpacks to more than ${this.#limits.bytes} bytes`);
    if (this.#bytes > RATIO_FLOOR && this.#bytes > this.#archiveBytes * this.#limits.ratio) {
      throw refused(`it unpacks to more than ${this.#limits.ratio} times its size, as archive bombs do`);
    }
  }

  #claim(names: readonly string[], kind: "file" | "folder"): void {
    for (let length = 1; length <= names.length; length += 1) {
      const path = names.slice(0, length).join("/");
      const isEntry = length === names.length;
      const as = isEntry ? kind : "folder";
      const key = path.normalize("NFC").toLowerCase();
      const earlier = this.#seen.get(key);
      if (earlier === undefined) this.#seen.set(key, { path, kind: as });
      else if (earlier.path !== path) {
        throw refused(`it holds both ${JSON.stringify(earlier.path)} and ${JSON.stringify(path)}, which are one on some systems`);
      } else if (earlier.kind !== as || as === "file") throw refused(`it holds ${JSON.stringify(path)} twice`);
    }
  }
}

function refused(why: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", `the archive is refused: ${why}; unpack it yourself and name the folder, if you trust it`);
}
