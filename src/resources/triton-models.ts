import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import type { BackendPlace, BackendQuestion, BackendServers } from "../core/backend-servers.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import { formatsNamed, type ModelFormat } from "../core/formats.ts";
import type { ModelSpec, Rejection } from "../core/model.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import type { VersionPolicy } from "../core/version-policy.ts";
import { readModelConfiguration, readModelConfigurationJson, specFieldsOf } from "../model-configurations/index.ts";
import { TRITON_CONFIGURATION } from "./formats.ts";
import { readServerModel } from "./server-model.ts";
import { tritonArtefact } from "./triton-artefact.ts";
import { numberedVersions, toSpec } from "./versions.ts";

/** How the models of Triton model repositories are read. */
export interface TritonOptions {
  /** Who is asked for backends; without it there are only those of this server. */
  readonly backends?: BackendServers | undefined;
  /** A model with `configs/NAME.pbtxt` of this name is configured by that file and not by its config.pbtxt. */
  readonly configurationName?: string | undefined;
  /** Name of the model whose own folder is given; that of the folder when absent. */
  readonly modelName?: string | undefined;
  /** Stands for what the files of the model say. */
  readonly configuration?: ModelConfiguration | undefined;
}

export interface TritonModel {
  readonly name: string;
  /** Ascending by version; none for a model that cannot be served, and the first rejection says why. */
  readonly specs: readonly ModelSpec[];
  readonly rejections: readonly Rejection[];
}

/** Folder of a model with configurations that have names. */
const CONFIGURATIONS = "configs";

/** Backends that are called otherwise than our format. */
const FORMATS_OF_BACKENDS: Readonly<Record<string, readonly ModelFormat[]>> = {
  onnxruntime: ["onnx"],
  python: ["triton-python"],
  ensemble: ["ensemble"],
};
/** Formats of ours that a configuration may name as its backend. Triton has other backends of the names that are missing. */
const OWN_BACKENDS = ["sklearn", "xgboost", "lightgbm", "catboost", "pmml", "keras", "mlflow", "huggingface", "typescript"];

/** The configuration's file of a model's folder; undefined when there is none. */
export async function configurationFile(folder: string, name: string | undefined): Promise<string | undefined> {
  const files = [...(name === undefined ? [] : [join(folder, CONFIGURATIONS, `${name}.pbtxt`)]), join(folder, TRITON_CONFIGURATION)];
  for (const file of files) if ((await stat(file).catch(() => undefined))?.isFile() === true) return file;
  return undefined;
}

/** A folder without a configuration whose versions have a file that Triton completes one for. */
export async function needsNoConfiguration(folder: string): Promise<boolean> {
  const latest = (await numberedVersions(folder).catch(() => [])).at(-1);
  if (latest === undefined) return false;
  const files = await readdir(join(folder, latest)).catch((): string[] => []);
  return files.includes("model.onnx") || files.includes("model.py");
}

/**
 * A model of a Triton model repository, with the versions that its version policy names: the latest one when it names none, all of a
 * model without a configuration.
 * @param folder the model's. Absolute
 */
export async function readTritonModel(folder: string, options: TritonOptions): Promise<TritonModel> {
  const name = options.modelName ?? basename(folder);
  const unserved = (reason: string): TritonModel => ({ name, specs: [], rejections: [{ path: folder, reason, model: name }] });
  try {
    const numbered = await numberedVersions(folder);
    const { configuration, isWritten } = await readConfiguration(folder, name, numbered, options);
    const formats = formatsOf(configuration.backend);
    const isOwn = formats.length > 0 || configuration.backend === "";
    const place = await placeOf({ backend: configuration.backend, modelName: name, folder, isOwn }, options.backends);
    if (place.kind === "nowhere") return unserved(place.reason);
    if (place.kind === "server") {
      const spec: ModelSpec = { ...(await readServerModel(name, folder)), upstream: place.upstream, trust: "code" };
      return { name, specs: [spec], rejections: [] };
    }
    // Only what is written for Triton has to be as Triton wants it.
    const versions =
      numbered.length === 0 && !isWritten ? [{ version: "1", directory: folder }] : chosenIn(folder, numbered, configuration);
    if (versions.length === 0) return unserved(noVersion(name, numbered, configuration.versionPolicy));
    const rejections = [...missingIn(folder, numbered, configuration.versionPolicy), ...(await leadingZeros(folder))];
    const specs: ModelSpec[] = [];
    for (const { version, directory } of versions) {
      const artefact = await tritonArtefact(name, directory, formats, configuration);
      if (typeof artefact === "string") rejections.push({ path: directory, reason: artefact });
      else {
        const spec = await toSpec(name, version, artefact, folder);
        specs.push({ ...spec, directory, folder, configuration, ...specFieldsOf(configuration) });
      }
    }
    const [first] = rejections;
    if (specs.length === 0 && first !== undefined) return { name, specs, rejections: [{ ...first, model: name }, ...rejections.slice(1)] };
    return { name, specs, rejections };
  } catch (error) {
    return unserved(error instanceof ServeError ? error.message : `it cannot be read: ${messageOf(error)}`);
  }
}

async function readConfiguration(
  folder: string,
  name: string,
  numbered: readonly string[],
  { configuration, configurationName }: TritonOptions,
): Promise<{ readonly configuration: ModelConfiguration; readonly isWritten: boolean }> {
  const latest = numbered.at(-1);
  const versionFiles = (await readdir(latest === undefined ? folder : join(folder, latest))).sort();
  const file = await configurationFile(folder, configurationName);
  if (configuration !== undefined) {
    const backend = configuration.backend === "" ? backendOfFiles(versionFiles) : configuration.backend;
    const named = backend === configuration.backend ? configuration : withBackend(configuration, backend);
    return { configuration: named, isWritten: file !== undefined };
  }
  const shown = file === undefined ? TRITON_CONFIGURATION : relative(folder, file);
  const text = file === undefined ? "" : await readFile(file, "utf8");
  const read = readModelConfiguration(text, { file: shown, name, versionFiles });
  // Triton serves the latest version of a model that says nothing; here, one that has no configuration is served as any other is.
  if (file === undefined) return { configuration: { ...read, versionPolicy: undefined }, isWritten: false };
  return { configuration: read, isWritten: true };
}

function backendOfFiles(files: readonly string[]): string {
  return files.includes("model.py") ? "python" : files.includes("model.onnx") ? "onnxruntime" : "";
}

/** What is printed for it names the backend too. */
function withBackend(configuration: ModelConfiguration, backend: string): ModelConfiguration {
  return readModelConfigurationJson({ ...configuration.json, backend }, { file: "", name: String(configuration.json.name) });
}

function formatsOf(backend: string): readonly ModelFormat[] {
  return FORMATS_OF_BACKENDS[backend] ?? (OWN_BACKENDS.includes(backend) ? formatsNamed(backend) : []);
}

async function placeOf(question: BackendQuestion, backends: BackendServers | undefined): Promise<BackendPlace> {
  const { backend, isOwn } = question;
  // One whose backend nobody names is told by its file.
  if (backend === "ensemble" || backend === "") return { kind: "own" };
  if (backends !== undefined) return await backends.placeOf(question);
  if (isOwn) return { kind: "own" };
  const own = [...Object.keys(FORMATS_OF_BACKENDS), ...OWN_BACKENDS].join(", ");
  return { kind: "nowhere", reason: `there is no backend '${backend}' here; this server has ${own}` };
}

interface Version {
  readonly version: string;
  readonly directory: string;
}

function chosenIn(folder: string, numbered: readonly string[], { versionPolicy: policy }: ModelConfiguration): readonly Version[] {
  return chosenVersions(numbered, policy).map((version) => ({ version, directory: join(folder, version) }));
}

/** Those of the versions, ascending, that a policy names; all when it is undefined. */
export function chosenVersions(versions: readonly string[], policy: VersionPolicy | undefined): readonly string[] {
  if (policy === undefined) return versions;
  return "latest" in policy ? versions.slice(-policy.latest) : versions.filter((version) => policy.specific.includes(version));
}

/** Versions that a policy names and that are not there. */
function missingIn(folder: string, numbered: readonly string[], policy: VersionPolicy | undefined): Rejection[] {
  if (policy === undefined || "latest" in policy) return [];
  return policy.specific
    .filter((version) => !numbered.includes(version))
    .map((version) => ({ path: join(folder, version), reason: `version_policy names version ${version}, and there is no such folder` }));
}

function noVersion(name: string, numbered: readonly string[], policy: VersionPolicy | undefined): string {
  const reason = `at least one version must be available under the version policy of model '${name}'`;
  if (numbered.length === 0) return `${reason}: it has no folder of a version; make one, such as 1`;
  const wanted = policy !== undefined && "specific" in policy ? `, and version_policy names ${policy.specific.join(", ")}` : "";
  return `${reason}: it has ${numbered.join(", ")}${wanted}`;
}

async function leadingZeros(folder: string): Promise<Rejection[]> {
  const names = (await readdir(folder)).filter((name) => /^0[0-9]+$/.test(name));
  return names.sort().map((name) => ({ path: join(folder, name), reason: "not a version: versions are numbers without leading zeros" }));
}
