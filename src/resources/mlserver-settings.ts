import { readFile, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelFormat } from "../core/formats.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { formatOfFolder } from "./folder-formats.ts";
import { isGiven, isMap, mapIn, numberIn, textIn } from "./json-fields.ts";

/** What makes a folder a model of MLServer. */
export const MLSERVER_SETTINGS = "model-settings.json";

/** MLServer's own runtimes, whose models our hosts load themselves, with the files that they look for. */
const RUNTIMES: Readonly<Record<string, { readonly formats: readonly ModelFormat[]; readonly files: readonly string[] }>> = {
  "mlserver_sklearn.SKLearnModel": { formats: ["sklearn"], files: ["model.joblib", "model.pickle", "model.pkl"] },
  "mlserver_xgboost.XGBoostModel": { formats: ["xgboost"], files: ["model.bst", "model.json", "model.ubj"] },
  "mlserver_lightgbm.LightGBMModel": { formats: ["lightgbm"], files: ["model.bst", "model.txt"] },
  "mlserver_catboost.CatboostModel": { formats: ["catboost"], files: ["model.cbm"] },
  "mlserver_mlflow.MLflowRuntime": { formats: ["mlflow"], files: [] },
  "mlserver_huggingface.HuggingFaceRuntime": { formats: ["huggingface", "huggingface-onnx"], files: [] },
};

/** The model that a folder's model-settings.json names, with what it declares of it. */
export interface DeclaredArtefact {
  readonly format: ModelFormat;
  readonly file: string;
  readonly isFolder?: boolean;
  /** Its name, where the settings give one. */
  readonly name?: string;
  readonly declared: Pick<ModelSpec, "settings" | "scheduling" | "notes">;
}

/**
 * The model of a folder with a model-settings.json; undefined without one. A class of the user's own is loaded by the Python host,
 * which reads the file itself (https://mlserver.readthedocs.io/en/latest/reference/model-settings.html).
 * @throws ServeError INVALID_ARGUMENT for settings that are wrong, FAILED_PRECONDITION when they name an artefact that is not there
 */
export async function mlserverArtefact(folder: string): Promise<DeclaredArtefact | undefined> {
  const path = join(folder, MLSERVER_SETTINGS);
  if ((await stat(path).catch(() => undefined))?.isFile() !== true) return undefined;
  const settings = await settingsIn(path);
  const implementation = textIn(settings, "implementation");
  if (implementation === undefined || !/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(implementation))
    throw wrong('needs an "implementation" such as "models.MyModel" or "mlserver_sklearn.SKLearnModel"');
  const name = textIn(settings, "name");
  const parameters = mapIn(settings, "parameters");
  const common = { ...(name === undefined || name === "" ? {} : { name }), declared: declaredBy(settings, parameters) };
  const runtime = RUNTIMES[implementation];
  if (runtime === undefined) return { format: "python", file: path, ...common };
  const place = placeOf(folder, textIn(parameters, "uri"));
  const found = await artefactAt(place, runtime.formats, runtime.files);
  if (found === undefined) {
    const expected =
      runtime.files.length === 0 ? `a folder of format ${runtime.formats[0]}` : `a file, or a folder with ${runtime.files.join(" or ")}`;
    throw new ServeError(
      "FAILED_PRECONDITION",
      `${MLSERVER_SETTINGS} names ${relative(folder, place) || "its own folder"}, expected ${expected}`,
    );
  }
  const task = textIn(mapIn(parameters, "extra"), "task");
  const isHuggingFace = runtime.formats.includes("huggingface") && task !== undefined;
  return { ...found, ...common, declared: { ...common.declared, ...(isHuggingFace ? { settings: { task } } : {}) } };
}

async function settingsIn(path: string): Promise<JsonObject> {
  let settings: unknown;
  try {
    settings = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw wrong(`is no JSON: ${messageOf(error)}`);
  }
  if (!isMap(settings)) throw wrong("needs an object");
  return settings;
}

/** Artefacts belong to the folder of their settings, which somebody else may have written. */
function placeOf(folder: string, uri: string | undefined): string {
  if (uri === undefined) return folder;
  const place = resolve(folder, uri.replace(/^file:\/\//, ""));
  const outside = relative(folder, place).startsWith("..");
  if (outside || /^[a-z][a-z0-9+.-]*:\/\//i.test(uri.replace(/^file:\/\//, "")))
    throw wrong(`has parameters.uri ${JSON.stringify(uri)}; expected a path in its own folder`);
  return place;
}

async function artefactAt(
  place: string,
  formats: readonly ModelFormat[],
  files: readonly string[],
): Promise<Pick<DeclaredArtefact, "format" | "file" | "isFolder"> | undefined> {
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) return undefined;
  const [format] = formats;
  if (found.isFile()) return format === undefined || files.length === 0 ? undefined : { format, file: place };
  for (const name of files) {
    const file = join(place, name);
    if (format !== undefined && (await stat(file).catch(() => undefined))?.isFile() === true) return { format, file };
  }
  const whole = await formatOfFolder(place);
  return whole !== undefined && formats.includes(whole) ? { format: whole, file: place, isFolder: true } : undefined;
}

/** MLServer counts requests where we count rows, of which each request has at least one. */
function declaredBy(settings: JsonObject, parameters: JsonObject | undefined): DeclaredArtefact["declared"] {
  const [size = 0, seconds = 0] = [numberIn(settings, "max_batch_size"), numberIn(settings, "max_batch_time")];
  const scheduling: SchedulingSpec = {
    ...(Number.isInteger(size) && size > 1 ? { maxBatchRows: size } : {}),
    ...(size > 1 && seconds > 0 ? { maxBatchLatencyMs: seconds * 1000 } : {}),
  };
  const ignored = ["environment_tarball", "environment_path", "inference_pool_gid"].filter((key) => isGiven(parameters, key));
  return {
    ...(Object.keys(scheduling).length === 0 ? {} : { scheduling }),
    ...(ignored.length === 0
      ? {}
      : { notes: [`parameters ${ignored.join(", ")} of ${MLSERVER_SETTINGS} have no effect: packages come from requirements.txt`] }),
  };
}

function wrong(what: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `${MLSERVER_SETTINGS} ${what}`);
}
