import { type Code, ServeError } from "../../../core/errors.ts";
import type { ModelOverride } from "../../../core/repository.ts";
import { readConfigOverride } from "./config-override.ts";

/** Parameters of a load, decoded from their transport: `config` is text, `file:PATH` is bytes. */
export type LoadParameters = ReadonlyMap<string, string | Uint8Array>;

const FILE = "file:";
/** Characters of a file's path. */
const MOST_CHARACTERS = 512;
const MOST_FILES = 256;
/** Bytes of a file's name (NAME_MAX of Linux). */
const MOST_IN_NAME = 255;

/**
 * What the parameters of a load say; undefined for none.
 * @throws ServeError INVALID_ARGUMENT in Triton's words, and `overlong` for a name that no file system takes
 */
export function overrideOf(model: string, parameters: LoadParameters, overlong: Code = "INVALID_ARGUMENT"): ModelOverride | undefined {
  if (parameters.size === 0) return undefined;
  const files = new Map<string, Uint8Array>();
  let config: string | undefined;
  for (const [name, value] of parameters) {
    if (name === "config" && typeof value === "string") config = value;
    else if (name.startsWith(FILE) && value instanceof Uint8Array) {
      const path = pathOf(name, overlong);
      if (files.has(path)) throw wrong(`'${FILE}${path}' is there twice, once as '${FILE}/${path}'`);
      files.set(path, value);
    } else throw wrong(`Unrecognized load parameter '${name.slice(0, MOST_CHARACTERS)}'; there are config and ${FILE}PATH`);
  }
  if (files.size > MOST_FILES) throw wrong(`${files.size} files are more than ${MOST_FILES}`);
  for (const path of files.keys()) {
    const within = [...files.keys()].find((other) => other.startsWith(`${path}/`));
    if (within !== undefined) throw wrong(`'${FILE}${path}' is a file, and '${FILE}${within}' would lie in it`);
  }
  if (config === undefined) throw wrong("Load parameter 'config' must be specified for model file override");
  return { configuration: readConfigOverride(model, config), files };
}

/** A path that stays below the model's folder; one slash before it is nothing to it, as in Triton. */
function pathOf(parameter: string, overlong: Code): string {
  const path = parameter.slice(FILE.length).replace(/^\//, "");
  const isBelow = path.length <= MOST_CHARACTERS && path.split("/").every((part) => /^[\w][\w.+ -]{0,127}$/.test(part));
  if (isBelow) return path;
  const isOverlong = path.split("/").some((part) => Buffer.byteLength(part) > MOST_IN_NAME);
  throw new ServeError(
    isOverlong ? overlong : "INVALID_ARGUMENT",
    `failed to poll from model repository: '${parameter.slice(0, MOST_CHARACTERS)}' names no file below the model's folder; expected such as file:1/model.onnx`,
  );
}

function wrong(message: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", message);
}
