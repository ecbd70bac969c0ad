import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ArchiveLimits } from "./archive/limits.ts";
import { archiveFormatOf, unpack } from "./archive/unpack.ts";
import { sha256OfText } from "./checksum.ts";
import { diskError, readRecord, syncFolder, systemCodeOf, writeRecord } from "./disk.ts";
import { describeContent, isIntact, Manifest } from "./manifest.ts";
import { Turns } from "./turns.ts";

/** A complete entry of the cache. */
export interface CachedContent {
  /** The file, or the folder that the archive was unpacked into. */
  readonly path: string;
  /** Size of the file or archive that it was made from. */
  readonly bytes: number;
}

const FOLDERS = ["content", "temporary", "urls", "downloads", "local"] as const;

const DAY = 24 * 60 * 60 * 1000;

/** What a process left that ended in the middle, by folder: how old it has to be, in milliseconds, so that nobody works on it. */
const LEFT_OVER = { temporary: DAY, downloads: 14 * DAY } as const;

/**
 * Files and unpacked archives by the SHA-256 of what was downloaded, shared by all models:
 * content/HASH-SUFFIX/{manifest.json, content/}. An entry is made under temporary/ and renamed when it is complete.
 */
export class ContentCache {
  readonly directory: string;
  readonly #limits: ArchiveLimits;
  readonly #turns = new Turns();
  #swept = false;

  constructor(directory: string, limits: ArchiveLimits) {
    this.directory = directory;
    this.#limits = limits;
  }

  /**
   * The path of a file of notes in the cache; its folder exists then.
   * @param key anything that tells it from others; does not appear in the path
   */
  async pathOf(folder: "urls" | "downloads" | "local", key: string): Promise<string> {
    await this.#prepare();
    return join(this.directory, folder, sha256OfText(key));
  }

  /** What is kept of the file with this content and name: the file itself, or what it unpacked to if it is an archive. */
  async find(sha256: string, name: string): Promise<CachedContent | undefined> {
    await this.#prepare();
    return await this.#intact(entryNameOf(sha256, name));
  }

  /**
   * Keeps a complete file: moves it into the cache, or unpacks it, if its name is an archive's.
   * Who adds the same content at the same time waits and gets the same entry.
   * @param check called before what was made of the file is kept; what it throws prevents that
   * @throws ServeError DATA_LOSS, FAILED_PRECONDITION (refused archive), RESOURCE_EXHAUSTED; the reason of the signal
   */
  async add(file: string, sha256: string, name: string, signal: AbortSignal, check?: () => Promise<void>): Promise<CachedContent> {
    await this.#prepare();
    const entry = entryNameOf(sha256, name);
    return await this.#turns.take(entry, async () => {
      signal.throwIfAborted();
      return (await this.#intact(entry)) ?? (await this.#make(entry, file, name, signal, check));
    });
  }

  async #make(
    entry: string,
    file: string,
    name: string,
    signal: AbortSignal,
    check: (() => Promise<void>) | undefined,
  ): Promise<CachedContent> {
    const temporary = join(this.directory, "temporary", randomUUID());
    try {
      const content = join(temporary, "content");
      await mkdir(content, { recursive: true });
      const { size } = await stat(file);
      const format = archiveFormatOf(name);
      if (format === undefined) await rename(file, join(content, name));
      else await unpack(file, format, content, this.#limits, signal);
      const manifest = await describeContent(content, size);
      await syncFolder(content);
      await writeRecord(join(temporary, "manifest.json"), format === undefined ? { ...manifest, root: name } : manifest);
      await check?.();
      signal.throwIfAborted();
      await this.#publish(temporary, entry);
    } catch (error) {
      signal.throwIfAborted();
      throw diskError(error, this.directory);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    const made = await this.#intact(entry);
    if (made === undefined) throw new Error(`the cache entry ${entry} vanished while it was made`);
    return made;
  }

  async #publish(temporary: string, entry: string): Promise<void> {
    const target = join(this.directory, "content", entry);
    try {
      await rename(temporary, target);
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST"].includes(systemCodeOf(error) ?? "")) throw error;
      // Either another process has been quicker with the same content, or it is the damaged entry that this one is to replace.
      if ((await this.#intact(entry)) !== undefined) return;
      const damaged = join(this.directory, "temporary", randomUUID());
      await rename(target, damaged);
      await rename(temporary, target);
      await rm(damaged, { recursive: true, force: true });
    }
    await syncFolder(join(target, ".."));
  }

  /** The entry, if it is there and whole; a damaged one is as good as none, and is replaced when it has been made again. */
  async #intact(entry: string): Promise<CachedContent | undefined> {
    const folder = join(this.directory, "content", entry);
    const manifest = await readRecord(join(folder, "manifest.json"), Manifest);
    const content = join(folder, "content");
    if (manifest !== undefined && (await isIntact(content, manifest))) {
      return { path: join(content, manifest.root), bytes: manifest.bytes };
    }
    return undefined;
  }

  async #prepare(): Promise<void> {
    try {
      // Every time: somebody may have emptied the cache meanwhile.
      for (const folder of FOLDERS) await mkdir(join(this.directory, folder), { recursive: true });
      if (this.#swept) return;
      this.#swept = true;
      await this.#sweep();
    } catch (error) {
      throw diskError(error, this.directory);
    }
  }

  async #sweep(): Promise<void> {
    for (const [folder, age] of Object.entries(LEFT_OVER)) {
      for (const name of await readdir(join(this.directory, folder))) {
        const path = join(this.directory, folder, name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (Date.now() - mtimeMs > age) await rm(path, { recursive: true, force: true });
      }
    }
  }
}

/** The same content under another name is another entry: the extension decides the format later. */
function entryNameOf(sha256: string, name: string): string {
  return `${sha256}-${archiveFormatOf(name) ?? sha256OfText(name).slice(0, 16)}`;
}
