import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { messageOf, ServeError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/inference.ts";

/** An object in a JSON file of the model's folder; undefined when there is no such file. @throws ServeError INVALID_ARGUMENT */
export async function readObject(directory: string, name: string): Promise<JsonObject | undefined> {
  const value = await readJson(directory, name);
  if (value === undefined) return undefined;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new ServeError("INVALID_ARGUMENT", `${name} is not a JSON object`);
}

/** The value of a JSON file of the model's folder; undefined when there is no such file. @throws ServeError INVALID_ARGUMENT */
export async function readJson(directory: string, name: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(join(directory, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ServeError("INVALID_ARGUMENT", `${name} cannot be read: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `${name} cannot be read as JSON (${messageOf(error)}); if it is cut off, copy it again`);
  }
}

/** How exports name their files by what the weights are, as Transformers.js and optimum do. */
const SUFFIXES: Readonly<Record<string, string>> = {
  auto: "",
  float32: "",
  float: "",
  fp32: "",
  float16: "_fp16",
  half: "_fp16",
  fp16: "_fp16",
  int8: "_int8",
  uint8: "_uint8",
  q8: "_quantized",
  quantized: "_quantized",
  q4: "_q4",
  q4f16: "_q4f16",
  bnb4: "_bnb4",
};

/**
 * The graph of a folder: `model.onnx` there or in `onnx/`, the variant that `dtype` names (model_quantized.onnx for q8), a file that is
 * named, or the only one that there is.
 * @throws ServeError INVALID_ARGUMENT with what is there instead
 */
export async function findGraph(directory: string, dtype: string, named: string | undefined): Promise<string> {
  const found: string[] = [];
  for (const folder of ["onnx", ""]) {
    const names = await readdir(join(directory, folder)).catch(() => []);
    found.push(...names.filter((name) => name.endsWith(".onnx")).map((name) => join(folder, name)));
  }
  const there = found.length === 0 ? "there is none" : `there are ${found.sort().join(", ")}`;
  if (named !== undefined) {
    const file = found.find((path) => path === named || basename(path) === named);
    if (file !== undefined) return join(directory, file);
    throw new ServeError("INVALID_ARGUMENT", `the setting file_name is '${named}', and of .onnx files ${there}`);
  }
  const suffix = Object.hasOwn(SUFFIXES, dtype) ? SUFFIXES[dtype] : undefined;
  if (suffix === undefined)
    throw new ServeError(
      "INVALID_ARGUMENT",
      `the setting dtype is '${dtype}'; an ONNX export has one of ${Object.keys(SUFFIXES).join(", ")}`,
    );
  const whole = found.find((path) => basename(path) === `model${suffix}.onnx`);
  const only = dtype === "auto" && found.length === 1 ? found[0] : undefined;
  const file = whole ?? only;
  if (file !== undefined) return join(directory, file);
  const hint = "export the model as one graph, or name the file with --file_name";
  throw new ServeError("INVALID_ARGUMENT", `it has no model${suffix}.onnx: ${there}; ${hint}`);
}

/** A folder that a file of the model names. @throws ServeError INVALID_ARGUMENT for one that is outside of the model's own */
export async function folderInside(directory: string, path: string): Promise<string> {
  const root = await realpath(directory);
  const joined = await realpath(join(directory, path)).catch(() => join(root, path));
  if (joined !== root && !joined.startsWith(root + sep))
    throw new ServeError("INVALID_ARGUMENT", `modules.json names the folder ${path}, which is not in the model's`);
  return joined;
}
