import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ModelSpec } from "../core/model.ts";
import { toSpec } from "./versions.ts";

/**
 * The artefact of a model that a server of its own loads: the whole of it, whatever it is, is one version for us.
 * @param path absolute, of a file or folder that exists
 */
export async function readServerModel(name: string, path: string): Promise<ModelSpec> {
  const isFolder = (await stat(path)).isDirectory();
  const spec = await toSpec(name, "1", { format: "upstream", file: path, isFolder }, isFolder ? path : dirname(path));
  // Its packages are the server's own.
  const { requirements: _, ...others } = spec;
  return others;
}
