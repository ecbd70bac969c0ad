import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ServeError } from "../../core/errors.ts";
import { MODEL_PATH, type ModelPlace } from "../model-mount.ts";

const CONFIGURATION = "config.pbtxt";
/** Default names of Triton's backends (docs/user_guide/model_repository.md), by what ends a name. */
const FILES: ReadonlyArray<readonly [ending: RegExp, name: string]> = [
  [/\.onnx$/i, "model.onnx"],
  [/\.plan$/i, "model.plan"],
  [/\.(?:pt|pth)$/i, "model.pt"],
  [/^model\.py$/, "model.py"],
];

export interface TritonLayout {
  /** Where the model is to lie, as the server sees it. */
  readonly path: string;
  /** What the server calls it. */
  readonly modelName: string;
}

/**
 * How a model's files become a model repository: as they are when they are one, else below the folders that they lack.
 * @param name what clients call the model
 * @throws ServeError FAILED_PRECONDITION when a repository holds several models and none of them is called so, or nothing of Triton's
 */
export async function tritonLayout({ path, names }: ModelPlace, name: string): Promise<TritonLayout> {
  if (names === undefined) return { path: `${MODEL_PATH}/${name}/1/${fileName(basename(path), path)}`, modelName: name };
  if (names.includes(CONFIGURATION)) {
    const modelName = (await configuredName(join(path, CONFIGURATION))) ?? name;
    return { path: `${MODEL_PATH}/${modelName}`, modelName };
  }
  if (names.some(isVersion)) return { path: `${MODEL_PATH}/${name}`, modelName: name };
  const models = await modelsIn(path, names);
  if (models.length > 0) return { path: MODEL_PATH, modelName: chosen(models, name, path) };
  if (names.includes("saved_model.pb")) return { path: `${MODEL_PATH}/${name}/1/model.savedmodel`, modelName: name };
  const files = names.filter((each) => FILES.some(([ending]) => ending.test(each)));
  if (files.some((file) => fileName(file, path) === file)) return { path: `${MODEL_PATH}/${name}/1`, modelName: name };
  const hint = `expected a model repository (a folder for each model with ${CONFIGURATION} or numbered folders), one of its models, or a model.onnx, model.plan, model.pt, model.py or SavedModel`;
  const held = names.length === 0 ? "it is empty" : `it holds ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`;
  throw new ServeError("FAILED_PRECONDITION", `there is nothing for Triton in ${path}: ${held}; ${hint}`);
}

async function modelsIn(path: string, names: readonly string[]): Promise<string[]> {
  const models: string[] = [];
  for (const name of names) {
    const folder = join(path, name);
    if (name.startsWith(".") || !(await stat(folder)).isDirectory()) continue;
    const inside = await readdir(folder);
    if (inside.includes(CONFIGURATION) || inside.some(isVersion)) models.push(name);
  }
  return models;
}

function chosen(models: readonly string[], name: string, path: string): string {
  if (models.includes(name)) return name;
  const [only, second] = models;
  if (only !== undefined && second === undefined) return only;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `the model repository ${path} holds ${models.join(", ")}, and none of them is called ${name}; point storageUri at one of them, or call the service like it`,
  );
}

/** The name that the configuration gives itself, which Triton wants its folder to have. */
async function configuredName(file: string): Promise<string | undefined> {
  return /^\s*name\s*:\s*"([^"]+)"/m.exec(await readFile(file, "utf8"))?.[1];
}

function fileName(file: string, path: string): string {
  const found = FILES.find(([ending]) => ending.test(file))?.[1];
  if (found !== undefined) return found;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `${path} is no model of Triton's: expected a file that ends in .onnx, .plan or .pt, or a model repository`,
  );
}

function isVersion(name: string): boolean {
  return /^[1-9]\d*$/.test(name);
}
