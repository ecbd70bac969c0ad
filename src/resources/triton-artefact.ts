import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ModelFormat, nameOfFormat } from "../core/formats.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { type Artefact, chooseArtefact } from "./versions.ts";

/** The files that Triton's backends look for. */
const FILES: Readonly<Partial<Record<ModelFormat, string>>> = { onnx: "model.onnx", "triton-python": "model.py" };

/**
 * What a version of a configured model is made of, or why that cannot be said.
 * @param directory of the version
 * @param formats that its backend stands for; none when the file tells it
 */
export async function tritonArtefact(
  model: string,
  directory: string,
  formats: readonly ModelFormat[],
  { backend, defaultModelFilename }: ModelConfiguration,
): Promise<Artefact | string> {
  const [format] = formats;
  if (format === undefined) return await chooseArtefact(directory);
  // It has no file; that there is a folder for its version is enough.
  if (format === "ensemble") return { format, file: directory, isFolder: true };
  const name = defaultModelFilename === "" ? FILES[format] : defaultModelFilename;
  if (name === undefined) return await foundArtefact(directory, formats, backend);
  const file = join(directory, name);
  const found = await stat(file).catch(() => undefined);
  const shown = `${basename(directory)}/${name}`;
  if (found === undefined) return `unable to find '${shown}' for model '${model}'`;
  if (FILES[format] === undefined) return { format, file, isFolder: found.isDirectory() };
  if (!found.isDirectory()) return { format, file };
  // As Triton has it of ONNX models whose weights are in files beside it.
  const within = join(file, FILES[format]);
  if (format === "onnx" && (await stat(within).catch(() => undefined))?.isFile() === true) return { format, file: within };
  return `'${shown}' of model '${model}' is a folder; expected a file`;
}

async function foundArtefact(directory: string, formats: readonly ModelFormat[], backend: string): Promise<Artefact | string> {
  const artefact = await chooseArtefact(directory);
  if (typeof artefact === "string" || formats.includes(artefact.format)) return artefact;
  const is = `${basename(artefact.file)} is a model of format ${nameOfFormat(artefact.format)}`;
  return `its configuration says backend: "${backend}", and ${is}; write that as its backend`;
}
