import { constants } from "node:fs";
import { access, opendir, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { z } from "zod";
import { ServeError } from "../core/errors.ts";
import { archiveFormatOf } from "./archive/unpack.ts";
import { compareHashes, sha256Of } from "./checksum.ts";
import type { ContentCache } from "./content-cache.ts";
import { readRecord, systemCodeOf, writeRecord } from "./disk.ts";
import type { Fetched } from "./fetched.ts";
import { notFound } from "./what-is-there.ts";

/** A local file or folder that exists and can be read. */
export interface FoundArtefact {
  /** Absolute. */
  readonly path: string;
  readonly kind: "file" | "folder";
}

/** What shows that a file is another one than before. */
const Version = z.object({ bytes: z.number(), modified: z.string(), inode: z.string() });
type Version = z.infer<typeof Version>;

const Note = z.object({ version: Version, sha256: z.string() });

/** Files and folders of this machine: used in place, but for archives, which are unpacked into the cache. */
export class LocalArtefacts {
  readonly #cache: ContentCache;

  constructor(cache: ContentCache) {
    this.#cache = cache;
  }

  /** @throws ServeError NOT_FOUND, saying what is there; PERMISSION_DENIED; FAILED_PRECONDITION for devices and the like */
  async find(path: string, baseDirectory = "/"): Promise<FoundArtefact> {
    const absolute = resolve(baseDirectory, path);
    try {
      const found = await stat(absolute);
      if (found.isDirectory()) {
        await access(absolute, constants.R_OK | constants.X_OK);
        if (await isEmpty(absolute)) throw new ServeError("NOT_FOUND", `the folder ${absolute} is empty; put the model into it`);
        return { path: absolute, kind: "folder" };
      }
      if (!found.isFile()) throw new ServeError("FAILED_PRECONDITION", `${absolute} is neither a file nor a folder`);
      await access(absolute, constants.R_OK);
      return { path: absolute, kind: "file" };
    } catch (error) {
      throw await explained(error, absolute);
    }
  }

  /**
   * @throws ServeError DATA_LOSS for a wrong checksum or a damaged archive, INVALID_ARGUMENT for the checksum of a folder,
   * FAILED_PRECONDITION for a refused archive, UNAVAILABLE for an archive that changes meanwhile; the reason of the signal
   */
  async use(found: FoundArtefact, sha256: string | undefined, say: (line: string) => void, stop: AbortSignal): Promise<Fetched> {
    const { path, kind } = found;
    if (kind === "folder") {
      if (sha256 === undefined) return { path };
      throw new ServeError(
        "INVALID_ARGUMENT",
        `${path} is a folder, and a SHA-256 is of one file; take the annotation nitrous/sha256 away`,
      );
    }
    try {
      if (archiveFormatOf(path) !== undefined) return await this.#unpacked(path, sha256, say, stop);
      if (sha256 === undefined) return { path };
      say(`checking ${path}`);
      const { bytes } = await versionOf(path);
      compareHashes(path, sha256, await sha256Of(path, stop));
      return { path, bytes, sha256 };
    } catch (error) {
      stop.throwIfAborted();
      throw await explained(error, path);
    }
  }

  async #unpacked(path: string, expected: string | undefined, say: (line: string) => void, stop: AbortSignal): Promise<Fetched> {
    const version = await versionOf(path);
    const notePath = await this.#cache.pathOf("local", path);
    const note = await readRecord(notePath, Note);
    const name = basename(path);
    if (note !== undefined && isSame(note.version, version) && (expected === undefined || expected === note.sha256)) {
      const kept = await this.#cache.find(note.sha256, name);
      if (kept !== undefined) return { ...kept, sha256: note.sha256 };
    }
    say(`unpacking ${path}`);
    const sha256 = await sha256Of(path, stop);
    compareHashes(path, expected, sha256);
    const made = await this.#cache.add(path, sha256, name, stop, async () => {
      if (isSame(version, await versionOf(path))) return;
      throw new ServeError("UNAVAILABLE", `${path} was changed while it was unpacked; try again when it is complete`);
    });
    await writeRecord(notePath, { version, sha256 });
    return { ...made, sha256 };
  }
}

async function versionOf(path: string): Promise<Version> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { bytes: Number(size), modified: String(mtimeNs), inode: String(ino) };
}

function isSame(one: Version, other: Version): boolean {
  return one.bytes === other.bytes && one.modified === other.modified && one.inode === other.inode;
}

async function isEmpty(folder: string): Promise<boolean> {
  const entries = await opendir(folder);
  try {
    return (await entries.read()) === null;
  } finally {
    await entries.close();
  }
}

async function explained(error: unknown, path: string): Promise<unknown> {
  const code = systemCodeOf(error);
  if (error instanceof ServeError || code === undefined) return error;
  const options = { cause: error };
  if (code === "ENOENT" || code === "ENOTDIR") return await notFound(path);
  if (code === "EACCES" || code === "EPERM") {
    return new ServeError("PERMISSION_DENIED", `${path} may not be read (${code}); give the user of this process the right to`, options);
  }
  if (code === "ELOOP") return new ServeError("FAILED_PRECONDITION", `${path} is a symbolic link that leads to itself`, options);
  if (code === "ENAMETOOLONG") return new ServeError("INVALID_ARGUMENT", `${path.slice(0, 200)}… is longer than a path may be`, options);
  return new ServeError("UNAVAILABLE", `${path} cannot be read (${code})`, options);
}
