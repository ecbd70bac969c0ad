import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { ServeError } from "../core/errors.ts";
import { type ModelFormat, nameOfFormat } from "../core/formats.ts";
import type { ModelSpec } from "../core/model.ts";
import { FOLDER_MARKS, formatOfFolder } from "./folder-formats.ts";
import { EXTENSIONS, formatOf, isNamedLike, TRITON_CONFIGURATION } from "./formats.ts";
import { type Artefact, artefactsIn, list, numberedVersions, toSpec } from "./versions.ts";

/**
 * The versions of a model whose format is declared, in ascending order: those of a folder's numbered sub-folders, else the one
 * in the file or folder itself. Where contents do not tell the format, the declaration does.
 * @param path absolute, of a file or folder that exists
 * @param declared the formats that the declaration stands for, at least one
 * @throws ServeError FAILED_PRECONDITION when there is no such model, with what is there instead
 */
export async function readServiceModel(name: string, path: string, declared: readonly ModelFormat[]): Promise<ModelSpec[]> {
  if (!(await stat(path)).isDirectory()) {
    const artefact = await declaredFile(path, declared);
    return [await toSpec(name, "1", artefact, dirname(path))];
  }
  const versions = await numberedVersions(path);
  if (versions.length === 0) return [await toSpec(name, "1", await declaredIn(path, declared), path)];
  const specs: ModelSpec[] = [];
  for (const version of versions) specs.push(await toSpec(name, version, await declaredIn(join(path, version), declared), path));
  return specs;
}

async function declaredFile(file: string, declared: readonly ModelFormat[]): Promise<Artefact> {
  const found = await formatOf(file);
  const format = declared.find((each) => each === found || (found === undefined && isNamedLike(each, file)));
  if (format !== undefined) return { format, file };
  if (found !== undefined) throw isAnother(file, found, declared);
  throw new ServeError("FAILED_PRECONDITION", `${basename(file)} is no ${nameOf(declared)} model: ${expected(declared)}`);
}

async function declaredIn(directory: string, declared: readonly ModelFormat[]): Promise<Artefact> {
  const { files, folders } = await list(directory);
  if (files.includes(TRITON_CONFIGURATION)) {
    const hint = `point storageUri at the folder or file with the model itself, without ${TRITON_CONFIGURATION}`;
    throw new ServeError(
      "FAILED_PRECONDITION",
      `${directory} is an entry of a Triton model repository, which a later version serves; ${hint}`,
    );
  }
  const whole = await formatOfFolder(directory);
  if (whole !== undefined && declared.includes(whole)) return { format: whole, file: directory, isFolder: true };
  const recognised = await artefactsIn(directory);
  const others = recognised.filter(({ format }) => !declared.includes(format));
  const named = new Map(recognised.filter(({ format }) => declared.includes(format)).map((artefact) => [artefact.file, artefact]));
  for (const name of files) {
    const file = join(directory, name);
    const isOther = others.some((other) => other.file === file);
    const format = isOther ? undefined : declared.find((each) => isNamedLike(each, name));
    if (format !== undefined && !named.has(file) && (await stat(file)).isFile()) named.set(file, { format, file });
  }
  const candidates = [...named.values()];
  const preferred = candidates.filter(({ file }) => basename(file).startsWith("model."));
  const [only, second] = preferred.length > 0 ? preferred : candidates;
  if (only !== undefined && second === undefined) return only;
  if (second !== undefined) {
    const names = candidates.map(({ file }) => basename(file)).join(", ");
    const text = `there are several ${nameOf(declared)} models in ${directory} (${names}); point storageUri at one of them, or call it model${extname(second.file)}`;
    throw new ServeError("FAILED_PRECONDITION", text);
  }
  const [other] = others;
  if (other !== undefined) throw isAnother(other.file, other.format, declared);
  const found = [...files, ...folders.map((folder) => `${folder}/`)];
  const contents = found.length === 0 ? "it is empty" : `it holds ${found.slice(0, 5).join(", ")}${found.length > 5 ? ", …" : ""}`;
  throw new ServeError("FAILED_PRECONDITION", `there is no ${nameOf(declared)} model in ${directory}: ${contents}; ${expected(declared)}`);
}

function isAnother(file: string, found: ModelFormat, declared: readonly ModelFormat[]): ServeError {
  const text = `modelFormat.name says ${nameOf(declared)}, and ${file} is a model of format ${nameOfFormat(found)}; write name: ${nameOfFormat(found)}, or point storageUri at the ${nameOf(declared)} model`;
  return new ServeError("FAILED_PRECONDITION", text);
}

function nameOf([first]: readonly ModelFormat[]): string {
  return first === undefined ? "known" : nameOfFormat(first);
}

function expected(formats: readonly ModelFormat[]): string {
  const marks = formats.flatMap((format) => FOLDER_MARKS[format] ?? []).map((mark) => `a folder with ${mark}`);
  const endings = formats.flatMap((format) => EXTENSIONS[format]);
  const files = endings.length === 0 ? [] : [`${endings[0]?.startsWith(".") === true ? "a file that ends in " : ""}${endings.join(", ")}`];
  return `expected ${[...files, ...marks].join(", or ")}`;
}
