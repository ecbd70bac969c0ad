import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMap, parse, parseDocument } from "yaml";
import { firstLine, messageOf, ServeError } from "../../core/errors.ts";
import type { ArtefactRequirements } from "./artefact-requirements.ts";
import { directRequirements } from "./mlflow-flavors.ts";

const MOST_CHARACTERS = 1 << 20;

/**
 * What an MLflow model folder records: `requirements.txt`, else the pip section of `conda.yaml`, else `python_env.yaml`, and the version
 * of Python. A flavour that the Python host loads itself does without MLflow, and the others have it in any case: mlflow-skinny, unless
 * what is recorded names a package of MLflow.
 * @throws ServeError INVALID_ARGUMENT for a folder whose MLmodel cannot be read
 */
export async function requirementsOfMlflow(folder: string): Promise<ArtefactRequirements> {
  const model = await readModel(folder);
  const conda = await readYaml(folder, "conda.yaml");
  const pythonEnv = await readYaml(folder, "python_env.yaml");
  const recorded = linesOf(await readText(folder, "requirements.txt")) ?? pipSection(conda) ?? listOf(pythonEnv.dependencies);
  const warnings = condaWarnings(conda, recorded);
  const plain = recorded.map((line) => withoutLocalVersion(line, warnings));
  const direct = await directRequirements(folder, model);
  const requirements =
    direct === undefined
      ? [...plain, ...(plain.some(isMlflow) ? [] : ["mlflow-skinny"])]
      : [...plain.filter((line) => !isMlflow(line)), ...direct.filter((ours) => !plain.some((line) => isSamePackage(line, ours)))];
  const minor = minorVersion(pythonEnv.python) ?? minorVersion(condaPython(conda)) ?? minorVersion(pythonFunction(model).python_version);
  return {
    requirements: requirements.join("\n"),
    ...(minor === undefined ? {} : { python: { specifier: `==${minor}.*`, required: false } }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

async function readModel(folder: string): Promise<Fields> {
  const text = await readText(folder, "MLmodel");
  let problem = "it is not there";
  if (text !== undefined) {
    const document = parseDocument(text);
    const [error] = document.errors;
    if (error === undefined && isMap(document.contents)) return fieldsOf(document.toJS());
    problem = error === undefined ? "it is no object" : firstLine(error.message);
  }
  throw new ServeError("INVALID_ARGUMENT", `the file MLmodel of the folder cannot be used (${problem}): copy the whole folder again`);
}

function pythonFunction(model: Fields): Fields {
  return fieldsOf(fieldsOf(model.flavors).python_function);
}

async function readYaml(folder: string, name: string): Promise<Fields> {
  const text = await readText(folder, name);
  if (text === undefined) return {};
  try {
    return fieldsOf(parse(text));
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `${name} of the folder is not YAML: ${firstLine(messageOf(error))}`);
  }
}

async function readText(folder: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
  if (text !== undefined && text.length > MOST_CHARACTERS) throw new ServeError("INVALID_ARGUMENT", `${name} of the folder is too long`);
  return text;
}

function linesOf(text: string | undefined): string[] | undefined {
  return text
    ?.split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** `dependencies` of a conda environment has names, and an object with the key `pip`. */
function pipSection({ dependencies }: Fields): string[] | undefined {
  const entries = Array.isArray(dependencies) ? (dependencies as unknown[]) : [];
  const pip = entries.map((entry) => fieldsOf(entry).pip).find(Array.isArray);
  return pip === undefined ? undefined : listOf(pip);
}

/** conda's own packages, as `name=version`; pip may not have them, so they are named and not installed. */
function condaWarnings(conda: Fields, recorded: readonly string[]): string[] {
  const names = listOf(conda.dependencies).filter((entry) => !/^(python|pip)\b/.test(entry));
  const missing = names.filter((entry) => !recorded.some((line) => isSamePackage(line, entry)));
  if (missing.length === 0) return [];
  const text = `conda.yaml asks conda for ${missing.join(", ")}, which is not installed: name what the model needs in its requirements.txt`;
  return [text];
}

function condaPython(conda: Fields): string | undefined {
  return listOf(conda.dependencies)
    .find((entry) => /^python\s*[=<>]/.test(entry))
    ?.replace(/^python\s*=*/, "");
}

/** Package indexes have no builds with a local version, such as torch==2.9.0+cpu; the release is the same code. */
function withoutLocalVersion(line: string, warnings: string[]): string {
  const found = /^(\S+==[\w.!]+)\+([\w.]+)(\s*;.*)?$/.exec(line);
  if (found === null) return line;
  const [, release = line, local = "", marker = ""] = found;
  warnings.push(`it was made with ${release}+${local}; ${release} is installed`);
  return `${release}${marker}`;
}

function isMlflow(line: string): boolean {
  return /^mlflow(-skinny)?\b(?!-)/i.test(line);
}

function isSamePackage(left: string, right: string): boolean {
  return nameOf(left) === nameOf(right) || SAME.some((names) => names.includes(nameOf(left)) && names.includes(nameOf(right)));
}

/** Packages of one framework, of which one is enough. */
const SAME: ReadonlyArray<readonly string[]> = [
  ["xgboost", "xgboost-cpu"],
  ["tensorflow", "tensorflow-cpu", "tensorflow-intel"],
  ["onnxruntime", "onnxruntime-gpu"],
];

function nameOf(line: string): string {
  return (/^[A-Za-z0-9][A-Za-z0-9._-]*/.exec(line)?.[0] ?? line).toLowerCase().replace(/[-_.]+/g, "-");
}

function minorVersion(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? /^\D*(3\.\d+)/.exec(String(value))?.[1] : undefined;
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
