import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve, sep } from "node:path";
import { messageOf } from "../core/errors.ts";
import { FORMATS } from "../core/formats.ts";
import { isModelName, isModelVersion, MODEL_NAME_RULE, type ModelSpec, type Rejection } from "../core/model.ts";
import { formatOfFolder } from "./folder-formats.ts";
import { formatOf, isAccompanying, reasonAgainst, TRITON_CONFIGURATION } from "./formats.ts";
import { isManifestFile } from "./manifest-names.ts";
import { MLSERVER_SETTINGS, mlserverArtefact } from "./mlserver-settings.ts";
import { isNosCatalog, readNosCatalog } from "./nos-catalog.ts";
import { configurationFile, needsNoConfiguration, readTritonModel, type TritonOptions } from "./triton-models.ts";
import { type Artefact, belongsTo, chooseArtefact, list, numberedVersions, toSpec, whyUnused } from "./versions.ts";

const DIGITS = /^[0-9]+$/;

export interface FoundModels {
  readonly models: readonly ModelSpec[];
  readonly rejections: readonly Rejection[];
  /** YAML files where models were looked for: they hold resources. */
  readonly manifestFiles: readonly string[];
}

/**
 * The models under each path. A path is
 * - a file: one model, named after the file without its extension; a catalog of NOS has several, and their names;
 * - a folder that is a model by itself (a SavedModel, a Hugging Face or MLflow folder), or has a file `model.*`, or with numbered
 *   sub-folders that hold models and no other sub-folder that does: one model, named after the folder; one with a
 *   `model-settings.json` of MLServer has the name that this gives it;
 * - a folder with a config.pbtxt: one model of a Triton model repository, named after the folder;
 * - any other folder: a folder of models, of which each file and each sub-folder is one. It is not looked into deeper than that. Where
 *   one of them has a config.pbtxt it is a Triton model repository, and sub-folders without one are models of it too.
 * Everything that is not served is told with its reason. Models found first keep their names. Links are followed, and the model
 * has the name and the folder of the link.
 */
export async function readModels(paths: readonly string[], options: TritonOptions = {}): Promise<FoundModels> {
  const found = new Collector(options);
  for (const path of paths) await found.guard(resolve(path), readPath);
  return { models: found.models, rejections: found.rejections, manifestFiles: found.manifestFiles };
}

class Collector {
  readonly options: TritonOptions;
  readonly models: ModelSpec[] = [];
  readonly manifestFiles: string[] = [];
  readonly rejections: Rejection[] = [];
  readonly #places = new Map<string, string>();

  constructor(options: TritonOptions) {
    this.options = options;
  }

  /** Adds the versions of one model, unless its name cannot be used. */
  add(name: string, place: string, versions: readonly ModelSpec[]): void {
    const other = this.#places.get(name);
    if (!isModelName(name)) {
      this.reject(place, `'${name}' cannot be a model's name: ${MODEL_NAME_RULE}`);
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

  /** One file or folder that cannot be read never keeps the others from being found. */
  async guard(path: string, read: (path: string, found: Collector) => Promise<void>): Promise<void> {
    try {
      await read(path, this);
    } catch (error) {
      this.reject(path, `it cannot be read: ${messageOf(error)}`);
    }
  }
}

async function readPath(path: string, found: Collector): Promise<void> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) return found.reject(path, "there is no such file or folder");
  if (!entry.isDirectory()) return readEntry(path, found);
  if (await isConfigured(path, found)) return readConfigured(path, found, found.options.modelName);
  const isModel = (await catalogsIn(path)).length === 0 && (await isModelFolder(path));
  return isModel ? readModelFolder(path, found) : readFolderOfModels(path, found);
}

async function readEntry(file: string, found: Collector): Promise<void> {
  if (!isManifestFile(file)) await readFile(file, found);
  else if (await isNosCatalog(file)) await readCatalog(file, found);
  else found.manifestFiles.push(file);
}

async function readCatalog(file: string, found: Collector): Promise<readonly string[]> {
  const { models, rejections, files } = await readNosCatalog(file);
  found.rejections.push(...rejections);
  for (const model of models) found.add(model.name, file, [model]);
  return files;
}

/** Catalogs of NOS directly in a folder. */
async function catalogsIn(folder: string): Promise<string[]> {
  const catalogs: string[] = [];
  for (const name of (await list(folder)).files) {
    const file = join(folder, name);
    if (isManifestFile(name) && (await isNosCatalog(file).catch(() => false))) catalogs.push(file);
  }
  return catalogs;
}

async function readFile(file: string, found: Collector): Promise<void> {
  if (basename(file) === MLSERVER_SETTINGS) return readModelFolder(dirname(file), found);
  if (basename(file) === TRITON_CONFIGURATION) return readConfigured(dirname(file), found);
  const artefact = await artefactOf(file);
  if (artefact === undefined) return found.reject(file, reasonAgainst(file));
  // Code is called model.py whatever it is, so its folder has the name.
  if (FORMATS[artefact.format].code === "always") return readModelFolder(dirname(file), found);
  const name = basename(file, extname(file));
  return found.add(name, file, [await toSpec(name, "1", artefact, dirname(file))]);
}

async function artefactOf(file: string): Promise<Artefact | undefined> {
  const isFile = (await stat(file)).isFile();
  const format = isFile ? await formatOf(file) : undefined;
  return format === undefined ? undefined : { format, file };
}

async function isModelFolder(folder: string): Promise<boolean> {
  if ((await stat(join(folder, MLSERVER_SETTINGS)).catch(() => undefined)) !== undefined) return true;
  if ((await formatOfFolder(folder)) !== undefined) return true;
  const { files, folders } = await list(folder);
  for (const name of files) {
    if (name.startsWith("model.") && (await artefactOf(join(folder, name)).catch(() => undefined)) !== undefined) return true;
  }
  for (const name of folders) {
    if (name.startsWith("model.") && (await formatOfFolder(join(folder, name))) !== undefined) return true;
  }
  const holding: string[] = [];
  for (const name of folders) if (await holdsModel(join(folder, name))) holding.push(name);
  return holding.some(isModelVersion) && holding.every((name) => DIGITS.test(name));
}

async function holdsModel(folder: string): Promise<boolean> {
  try {
    if (typeof (await chooseArtefact(folder)) !== "string") return true;
    const versions = await numberedVersions(folder);
    const chosen = await Promise.all(versions.map((version) => chooseArtefact(join(folder, version))));
    return chosen.some((artefact) => typeof artefact !== "string");
  } catch {
    return false;
  }
}

/** The folder of a model of a Triton model repository that says how it is served. */
async function isConfigured(folder: string, { options }: Collector): Promise<boolean> {
  return options.configuration !== undefined || (await configurationFile(folder, options.configurationName)) !== undefined;
}

async function readConfigured(folder: string, found: Collector, modelName?: string): Promise<void> {
  const { name, specs, rejections } = await readTritonModel(folder, { ...found.options, modelName });
  found.rejections.push(...rejections);
  if (specs.length > 0) found.add(name, folder, specs);
}

/** The models of a Triton model repository among sub-folders of a folder; none when it is no such repository. */
async function repositoryIn(folder: string, folders: readonly string[], found: Collector): Promise<ReadonlySet<string>> {
  const configured: string[] = [];
  for (const name of folders) if (await isConfigured(join(folder, name), found)) configured.push(name);
  if (configured.length === 0) return new Set();
  const others: string[] = [];
  for (const name of folders) if (!configured.includes(name) && (await needsNoConfiguration(join(folder, name)))) others.push(name);
  return new Set([...configured, ...others]);
}

async function readFolderOfModels(folder: string, found: Collector): Promise<void> {
  const { files, folders, missing } = await list(folder);
  const configured = await repositoryIn(folder, folders, found);
  const names = [...files, ...folders, ...missing].sort();
  if (names.length === 0) found.reject(folder, "the folder is empty");
  const catalogs = await catalogsIn(folder);
  const served: string[] = [];
  for (const catalog of catalogs) await found.guard(catalog, async () => void served.push(...(await readCatalog(catalog, found))));
  for (const name of names) {
    const path = join(folder, name);
    // A catalog's models, and the folders that they are in, are not models of their own.
    if (catalogs.includes(path) || served.some((file) => file === path || file.startsWith(path + sep))) continue;
    if (missing.includes(name)) found.reject(path, "a link to something that does not exist");
    else if (configured.has(name)) await found.guard(path, (place) => readConfigured(place, found));
    else if (folders.includes(name)) await found.guard(path, (await catalogsIn(path)).length > 0 ? readFolderOfModels : readModelFolder);
    else if (!files.some((file) => file !== name && belongsTo(name, file))) await found.guard(path, readEntry);
  }
}

async function readModelFolder(folder: string, found: Collector): Promise<void> {
  const name = (await mlserverArtefact(folder).catch(() => undefined))?.name ?? basename(folder);
  const numbered = await numberedVersions(folder);
  const isTriton = await isTritonPython(numbered.length === 0 ? folder : join(folder, numbered.at(-1) ?? ""));
  if (isTriton) return readConfigured(folder, found);
  const specs: ModelSpec[] = [];
  for (const version of numbered.length > 0 ? numbered : [undefined]) {
    const directory = version === undefined ? folder : join(folder, version);
    await found.guard(directory, async () => {
      const artefact = await chooseArtefact(directory);
      if (typeof artefact === "string") return found.reject(directory, artefact);
      specs.push(await toSpec(name, version ?? "1", artefact, folder));
      for (const { path, reason } of await whyUnused(directory, artefact)) found.reject(path, reason);
    });
  }
  if (specs.length === 0) return;
  if (numbered.length > 0) await rejectBesideVersions(folder, numbered, found);
  found.add(name, folder, specs);
}

/** A model for Triton's Python backend completes what no configuration says. */
async function isTritonPython(directory: string): Promise<boolean> {
  const file = join(directory, "model.py");
  return (await stat(file).catch(() => undefined))?.isFile() === true && (await formatOf(file)) === "triton-python";
}

async function rejectBesideVersions(folder: string, numbered: readonly string[], found: Collector): Promise<void> {
  const { files, folders, missing } = await list(folder);
  for (const name of [...files, ...folders, ...missing].sort()) {
    if (numbered.includes(name) || isAccompanying(name)) continue;
    found.reject(join(folder, name), `the versions of this model are its numbered folders (${numbered.join(", ")}); this is none of them`);
  }
}
