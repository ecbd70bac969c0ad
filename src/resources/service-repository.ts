import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ServeError } from "../core/errors.ts";
import { isModelName, type ModelSpec, type Rejection } from "../core/model.ts";
import { TRITON_CONFIGURATION } from "./formats.ts";
import { readModels } from "./model-folder.ts";
import type { TritonOptions } from "./triton-models.ts";

/** `name` outside of all braces, as a configuration in protocol buffers' text format has it for the model itself. */
const TOKENS = /\bname\s*:\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)')|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#[^\n]*|[{}[\]]/g;
/** Bytes of a configuration. */
const MOST_BYTES = 1024 * 1024;

/**
 * The models of a service whose artefact is for Triton: a model repository, whose models have the names of their folders; or one model, which
 * has the name that its configuration says, else the service's.
 * @param path absolute, of a file or folder that exists
 * @throws ServeError FAILED_PRECONDITION when any of it cannot be served, with the first reasons
 */
export async function readServiceRepository(service: string, path: string, options: TritonOptions): Promise<readonly ModelSpec[]> {
  const modelName = (await configuredName(path)) ?? service;
  const { models, rejections } = await readModels([path], { ...options, modelName });
  if (rejections.length > 0) throw new ServeError("FAILED_PRECONDITION", inWords(rejections));
  if (models.length === 0) throw new ServeError("FAILED_PRECONDITION", `there is no model in ${path}; ${EXPECTED}`);
  const [{ name }] = models as readonly [ModelSpec, ...ModelSpec[]];
  const isOne = models.every((spec) => spec.name === name) && !(await isFolder(join(path, name)));
  return isOne ? models.map((spec) => ({ ...spec, name: modelName })) : models;
}

const EXPECTED = "expected a model repository (a folder for each model, with a config.pbtxt or numbered folders), or one of its models";
/** Reasons in a message; what else is wrong shows when these are not. */
const SHOWN = 5;

function inWords(rejections: readonly Rejection[]): string {
  const shown = rejections.slice(0, SHOWN).map(({ path, reason }) => `${path}: ${reason}`);
  const more = rejections.length - shown.length;
  return `${shown.join("; ")}${more === 0 ? "" : `; and ${more} more`}`;
}

async function configuredName(folder: string): Promise<string | undefined> {
  const file = join(folder, TRITON_CONFIGURATION);
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size > MOST_BYTES) return undefined;
  let depth = 0;
  for (const [token, double, single] of (await readFile(file, "utf8")).matchAll(TOKENS)) {
    const name = double ?? single;
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 0 && name !== undefined) return isModelName(name) ? name : undefined;
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
