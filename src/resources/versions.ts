import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { FORMATS, type ModelFormat } from "../core/formats.ts";
import { DEFAULT_NAMESPACE, isModelVersion, type ModelSpec, type Rejection } from "../core/model.ts";
import { formatOfFolder } from "./folder-formats.ts";
import { formatOf, isAccompanying, reasonAgainst } from "./formats.ts";
import { mlserverArtefact } from "./mlserver-settings.ts";

export interface Artefact {
  readonly format: ModelFormat;
  /** A file, or a folder for formats that are folders. */
  readonly file: string;
  readonly isFolder?: boolean;
  /** What a settings file beside it calls it and declares of it. */
  readonly name?: string;
  readonly declared?: Pick<ModelSpec, "settings" | "scheduling" | "notes">;
}

/** Names in a folder, sorted, without those that go with every model. */
export interface Listing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Links that lead nowhere. */
  readonly missing: readonly string[];
}

export async function list(folder: string): Promise<Listing> {
  const listing = { files: [] as string[], folders: [] as string[], missing: [] as string[] };
  for (const name of (await readdir(folder)).sort()) {
    if (isAccompanying(name)) continue;
    const entry = await stat(join(folder, name)).catch(() => undefined);
    if (entry === undefined) listing.missing.push(name);
    else (entry.isDirectory() ? listing.folders : listing.files).push(name);
  }
  return listing;
}

/** Names of the folders of versions, ascending; none for a model that has no versions. */
export async function numberedVersions(folder: string): Promise<string[]> {
  const { folders } = await list(folder);
  return folders.filter(isModelVersion).sort((left, right) => Number(left) - Number(right));
}

/** Files that a framework writes beside the model and finds by its name: model.onnx.data, model.pkl_01.npy. */
export function belongsTo(name: string, file: string): boolean {
  return name.startsWith(`${file}.`) || name.startsWith(`${file}_`);
}

/** The artefact of a version's folder, or why there is none. */
export async function chooseArtefact(directory: string): Promise<Artefact | string> {
  const artefacts = await artefactsIn(directory);
  const named = artefacts.filter(({ file }) => basename(file).startsWith("model."));
  const candidates = named.length > 0 ? named : artefacts;
  const [only] = candidates;
  if (only === undefined) return whyNone(directory);
  if (candidates.length === 1) return only;
  return `several models in one folder (${candidates.map(({ file }) => basename(file)).join(", ")}): keep one, or call the one to serve model${extname(only.file)}`;
}

async function whyNone(directory: string): Promise<string> {
  const { files, folders } = await list(directory);
  const [file] = files;
  if (file !== undefined) return `no model in it: ${file} is ${reasonAgainst(file)}`;
  if (folders.length === 0) return "the folder is empty";
  return `no model in it, only folders (${folders.slice(0, 3).join(", ")}): to serve what is in them, name this folder on the command line`;
}

/** Every model in a folder: the one that a settings file names, else custom code alone where there is some, else the folder itself where that is one, as a SavedModel is. */
export async function artefactsIn(directory: string): Promise<Artefact[]> {
  const settled = await mlserverArtefact(directory);
  if (settled !== undefined) return [settled];
  const artefacts: Artefact[] = [];
  const { files, folders } = await list(directory);
  for (const name of files) {
    const file = join(directory, name);
    const format = (await stat(file)).isFile() ? await formatOf(file) : undefined;
    if (format !== undefined) artefacts.push({ format, file });
  }
  const code = artefacts.filter(isCode);
  if (code.length > 0) return code;
  const whole = await folderArtefact(directory);
  if (whole !== undefined) return [whole];
  for (const name of folders) {
    // As Triton's repositories have them: model.savedmodel.
    const folder = name.startsWith("model.") ? await folderArtefact(join(directory, name)) : undefined;
    if (folder !== undefined) artefacts.push(folder);
  }
  return artefacts;
}

/** The folder as a model; undefined when it is none by itself. */
async function folderArtefact(folder: string): Promise<Artefact | undefined> {
  const format = await formatOfFolder(folder);
  return format === undefined ? undefined : { format, file: folder, isFolder: true };
}

/** What lies beside the artefact and is not served. Beside custom code, other files are what it works with. */
export async function whyUnused(directory: string, artefact: Artefact): Promise<Rejection[]> {
  if (isCode(artefact) || artefact.file === directory) return [];
  const served = basename(artefact.file);
  const { files, folders, missing } = await list(directory);
  return [...files, ...folders, ...missing]
    .filter((name) => name !== served && !belongsTo(name, served) && !isModelFile(name, artefact))
    .map((name) => ({ path: join(directory, name), reason: `not used: ${served} is the model of this folder` }));
}

/** PyTorch's weights belong to a class in a file beside them. */
function isModelFile(name: string, { format }: Artefact): boolean {
  return format === "pytorch" && extname(name) === ".py";
}

function isCode({ format }: Artefact): boolean {
  return FORMATS[format].code === "always";
}

/** `folder` is the model's own; requirements.txt and example.json of the version's folder win over those in it. */
export async function toSpec(name: string, version: string, artefact: Artefact, folder: string): Promise<ModelSpec> {
  const { format, file, isFolder = false } = artefact;
  const directory = isFolder ? file : dirname(file);
  const beside = async (accompanying: string, places: readonly string[]): Promise<string | undefined> => {
    for (const place of new Set(places)) {
      const path = join(place, accompanying);
      if (await exists(path)) return path;
    }
    return undefined;
  };
  // MLflow writes a requirements.txt into the artefact: what it records, and not what the user asks for.
  const places = format === "mlflow" ? [folder].filter((place) => place !== directory) : [directory, folder];
  const [requirements, example] = [await beside("requirements.txt", places), await beside("example.json", [directory, folder])];
  return {
    namespace: DEFAULT_NAMESPACE,
    name,
    version,
    format,
    file,
    directory,
    ...(requirements === undefined ? {} : { requirements }),
    ...(example === undefined ? {} : { example }),
    bytes: await artefactBytes(artefact),
    ...artefact.declared,
  };
}

/** The file with what belongs to it; of custom code, everything beside it, because the weights are there. */
async function artefactBytes(artefact: Artefact): Promise<number> {
  if (artefact.isFolder === true) return await bytesBelow(artefact.file);
  const directory = dirname(artefact.file);
  const served = basename(artefact.file);
  let bytes = 0;
  for (const name of (await list(directory)).files) {
    if (isCode(artefact) || name === served || belongsTo(name, served)) bytes += (await stat(join(directory, name))).size;
  }
  return bytes;
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true })) {
    const found = await stat(join(folder, entry)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.size;
  }
  return bytes;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
