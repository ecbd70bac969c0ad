import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { DEFAULT_NAMESPACE, MODEL_NAME, MODEL_VERSION, type ModelFormat, type ModelSpec, type Rejection } from "../core/model.ts";
import { formatOf, isAccompanying, reasonAgainst } from "./formats.ts";

export interface FoundModels {
  readonly models: readonly ModelSpec[];
  readonly rejections: readonly Rejection[];
}

interface Artefact {
  readonly format: ModelFormat;
  readonly file: string;
}

/**
 * The models under each path. A path is
 * - a file: one model, named after the file without its extension;
 * - a folder with a file `model.*`, or with numbered sub-folders that hold models: one model, named after the folder;
 * - any other folder: a folder of models, of which each file and each sub-folder is one.
 * Everything that is not served is told with its reason. Models found first keep their names.
 */
export async function readModels(paths: readonly string[]): Promise<FoundModels> {
  const found = new Collector();
  for (const path of paths) await readPath(resolve(path), found);
  return { models: found.models, rejections: found.rejections };
}

class Collector {
  readonly models: ModelSpec[] = [];
  readonly rejections: Rejection[] = [];
  readonly #places = new Map<string, string>();

  /** Adds the versions of one model, unless its name cannot be used. */
  add(name: string, place: string, versions: readonly ModelSpec[]): void {
    const other = this.#places.get(name);
    if (!MODEL_NAME.test(name)) {
      this.reject(
        place,
        `'${name}' cannot be a model's name: letters, digits, '.', '_' and '-', at most 128, beginning with a letter or digit`,
      );
    } else if (other !== undefined) {
      this.reject(place, `the name '${name}' is taken by ${other}; rename one of them`);
    } else {
      this.#places.set(name, place);
      this.models.push(...versions);
    }
  }

  reject(path: string, reason: string): void {
    this.rejections.push({ path, reason });
  }
}

async function readPath(path: string, found: Collector): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) found.reject(path, "there is no such file or folder");
  else if (entry.isFile()) await readFile(path, found);
  else if (await isModelFolder(path)) await readModelFolder(path, found);
  else await readFolderOfModels(path, found);
}

async function readFile(file: string, found: Collector): Promise<void> {
  const format = await formatOf(file);
  const isCode = format === "python" || format === "typescript";
  if (format === undefined) found.reject(file, reasonAgainst(file));
  // Code is called model.py whatever it is, so its folder has the name.
  else if (isCode) await readModelFolder(dirname(file), found);
  else {
    const name = basename(file, extname(file));
    found.add(name, file, [await toSpec(name, "1", { format, file }, dirname(file))]);
  }
}

async function isModelFolder(folder: string): Promise<boolean> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (/^model\./.test(name) && (await formatOf(path).catch(() => undefined)) !== undefined) return true;
    if (MODEL_VERSION.test(name) && (await isFolder(path)) && (await artefactsIn(path)).length > 0) return true;
  }
  return false;
}

async function readFolderOfModels(folder: string, found: Collector): Promise<void> {
  const names = (await readdir(folder)).filter((name) => !isAccompanying(name)).sort();
  if (names.length === 0) found.reject(folder, "the folder is empty");
  for (const name of names) {
    const path = join(folder, name);
    const entry = await stat(path).catch(() => undefined);
    if (entry === undefined) found.reject(path, "a link to something that does not exist");
    else if (entry.isDirectory()) await readModelFolder(path, found);
    else await readFile(path, found);
  }
}

async function readModelFolder(folder: string, found: Collector): Promise<void> {
  const name = basename(folder);
  const versions = (await readdir(folder)).filter((entry) => MODEL_VERSION.test(entry)).sort((left, right) => Number(left) - Number(right));
  const specs: ModelSpec[] = [];
  for (const [version, directory] of versions.length > 0
    ? versions.map((entry) => [entry, join(folder, entry)] as const)
    : [["1", folder] as const]) {
    const artefact = await chooseArtefact(directory);
    if (typeof artefact === "string") found.reject(directory, artefact);
    else specs.push(await toSpec(name, version, artefact, folder));
  }
  if (specs.length > 0) found.add(name, folder, specs);
}

/** The artefact of a folder, or why there is none. */
async function chooseArtefact(directory: string): Promise<Artefact | string> {
  if (!(await isFolder(directory))) return "a version must be a folder";
  const artefacts = await artefactsIn(directory);
  const named = artefacts.filter(({ file }) => basename(file).startsWith("model."));
  const candidates = named.length > 0 ? named : artefacts;
  const [only] = candidates;
  if (only === undefined) {
    const files = (await readdir(directory)).filter((name) => !isAccompanying(name));
    return files.length === 0
      ? "the folder is empty"
      : `no model in it: ${basename(files[0] as string)} is ${reasonAgainst(files[0] as string)}`;
  }
  if (candidates.length === 1) return only;
  return `several models in one folder (${candidates.map(({ file }) => basename(file)).join(", ")}): keep one, or call the one to serve model${extname(only.file)}`;
}

async function artefactsIn(directory: string): Promise<Artefact[]> {
  const artefacts: Artefact[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const file = join(directory, name);
    const entry = await stat(file).catch(() => undefined);
    const format = entry?.isFile() === true ? await formatOf(file) : undefined;
    if (format !== undefined) artefacts.push({ format, file });
  }
  // Beside custom code, other files are what it works with.
  const code = artefacts.filter(({ format }) => format === "python" || format === "typescript");
  return code.length > 0 ? code : artefacts;
}

/** `folder` is the model's own; requirements.txt and example.json of the version's folder win over those in it. */
async function toSpec(name: string, version: string, { format, file }: Artefact, folder: string): Promise<ModelSpec> {
  const real = await realpath(file);
  const directory = dirname(real);
  const beside = async (accompanying: string): Promise<string | undefined> => {
    for (const place of new Set([directory, folder])) {
      const path = join(place, accompanying);
      if (await exists(path)) return path;
    }
    return undefined;
  };
  const [requirements, example] = [await beside("requirements.txt"), await beside("example.json")];
  return {
    namespace: DEFAULT_NAMESPACE,
    name,
    version,
    format,
    file: real,
    directory,
    ...(requirements === undefined ? {} : { requirements }),
    ...(example === undefined ? {} : { example }),
    bytes: (await stat(real)).size,
  };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
