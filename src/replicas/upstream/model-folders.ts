import { createHash, randomUUID } from "node:crypto";
import { constants, copyFile, link, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ContainerSpec, Mount } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { TRITON_CONFIGURATION, withoutModelName } from "./triton-configuration.ts";

/** Where KServe's servers find their models. */
const MODELS = "/mnt/models";
/** Folders within each other that an artefact may have, and files in all of them: a link to a folder above it has no end. */
const MAX_DEPTH = 32;
const MAX_FILES = 100_000;
/** Bytes of a configuration. */
const MAX_CONFIGURATION = 1024 * 1024;

/** The server that several models share, as each of them describes it. */
export interface SharedServer {
  /** The same for models whose server is the same. */
  readonly key: string;
  /** With the folder of its models in the place of an artefact. */
  readonly container: ContainerSpec;
}

/** A model's artefact in the folder of its server. */
export interface PlacedModel {
  /** What the server calls the model: its folder has that name. */
  readonly name: string;
  /** Takes it out again; to be called when the server has let go of it, or is gone. */
  remove(): Promise<void>;
}

/**
 * The folders of servers that hold several models: one for each server, with a folder for each of its models, as KServe's agent lays them
 * out below /mnt/models. Files are linked where the file system can, and otherwise copied.
 */
export class ModelFolders {
  readonly #root: string;
  readonly #directory: string;
  /** Names in use, by server. */
  readonly #names = new Map<string, Set<string>>();
  #cleaned: Promise<void> | undefined;

  /** @param root for all processes of this server, on the file system of the artefacts if possible */
  constructor(root: string) {
    this.#root = root;
    this.#directory = join(root, String(process.pid));
  }

  /** Which server a model shares. @throws ServeError FAILED_PRECONDITION for a server elsewhere, which sees no files of this machine */
  async serverOf({ namespace, upstream }: ModelSpec): Promise<SharedServer> {
    if (upstream?.place.kind !== "container") {
      throw new ServeError("FAILED_PRECONDITION", "a server elsewhere gets no models from here; name its runtime without multiModel: true");
    }
    const { container } = upstream.place;
    const mounts = container.mounts.filter(({ path }) => path !== MODELS);
    const digest = createHash("sha256").update(JSON.stringify([namespace, upstream.runtime, container, mounts]));
    const key = `${upstream.runtime}-${namespace}-${digest.digest("hex").slice(0, 16)}`;
    const models: Mount = { path: MODELS, readOnly: true, source: { kind: "folder", path: await this.#made(key) } };
    return { key, container: { ...container, mounts: [...mounts, models] } };
  }

  /**
   * Puts a model where its server finds it, whole or not at all. A model that another one of its name is to replace is still there as long
   * as that serves, so it may get another name.
   * @throws ServeError RESOURCE_EXHAUSTED when the disk is full; FAILED_PRECONDITION when the artefact cannot be read
   */
  async place(key: string, { file, upstream, name: ownName }: ModelSpec): Promise<PlacedModel> {
    const folder = await this.#made(key);
    const names = this.#names.get(key) ?? new Set();
    this.#names.set(key, names);
    const name = freeName(upstream?.modelName ?? ownName, names);
    names.add(name);
    const [incoming, target] = [join(this.#directory, key, `incoming-${randomUUID()}`), join(folder, name)];
    const remove = async (): Promise<void> => {
      if (!names.has(name)) return;
      // The server sees it go at once.
      await rename(target, incoming).catch(() => undefined);
      names.delete(name);
      await rm(incoming, { recursive: true, force: true });
    };
    try {
      await mkdir(incoming);
      if ((await stat(file)).isDirectory()) await copyInto(file, incoming, { files: 0 }, 0);
      else await copyOne(file, join(incoming, basename(file)));
      await nameAsFolder(incoming);
      await rm(target, { recursive: true, force: true });
      await rename(incoming, target);
    } catch (error) {
      await rm(incoming, { recursive: true, force: true });
      names.delete(name);
      throw unplaced(name, error);
    }
    return { name, remove };
  }

  /** Nothing of it is left. */
  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #made(key: string): Promise<string> {
    this.#cleaned ??= removeLeftovers(this.#root);
    await this.#cleaned;
    const folder = join(this.#directory, key, "models");
    await mkdir(folder, { recursive: true });
    return folder;
  }
}

/** Folders of processes that were killed, which may have had the number of this one. */
async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || (pid !== process.pid && isAlive(pid))) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let number = 2, name = wanted; ; number++) {
    if (!taken.has(name)) return name;
    name = `${wanted}-${number}`;
  }
}

async function copyInto(from: string, to: string, copied: { files: number }, depth: number): Promise<void> {
  if (depth > MAX_DEPTH) throw new ServeError("FAILED_PRECONDITION", `${from} is more than ${MAX_DEPTH} folders deep`);
  for (const name of await readdir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const found = await stat(source);
    copied.files++;
    if (copied.files > MAX_FILES) throw new ServeError("FAILED_PRECONDITION", `the artefact has more than ${MAX_FILES} files and folders`);
    if (found.isDirectory()) {
      await mkdir(target);
      await copyInto(source, target, copied, depth + 1);
    } else if (found.isFile()) await copyOne(source, target);
  }
}

/** Triton wants a model's name and that of its folder to be the same. The file may be the artefact's own, so it is not written into. */
async function nameAsFolder(folder: string): Promise<void> {
  const file = join(folder, TRITON_CONFIGURATION);
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > MAX_CONFIGURATION) return;
  const text = await readFile(file, "utf8");
  const unnamed = withoutModelName(text);
  if (unnamed === text) return;
  await rm(file);
  await writeFile(file, unnamed);
}

/** What a link stands for, and not the link, which would lead nowhere where the server runs. */
async function copyOne(from: string, to: string): Promise<void> {
  const source = await realpath(from);
  try {
    await link(source, to);
  } catch {
    // Another file system, or one that has no links.
    await copyFile(source, to, constants.COPYFILE_FICLONE);
  }
}

function unplaced(name: string, error: unknown): ServeError {
  if (error instanceof ServeError) return error;
  const isFull = error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
  const text = `the model ${name} cannot be put where its server finds it: ${(error as Error).message}`;
  return new ServeError(isFull ? "RESOURCE_EXHAUSTED" : "FAILED_PRECONDITION", text, { cause: error });
}
