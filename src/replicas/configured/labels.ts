import { readFile } from "node:fs/promises";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import { fileOfModel } from "./model-file.ts";

/**
 * What the classes of outputs are called, by output: one label for each line of its file.
 * @param folder the model's
 * @throws ServeError INVALID_ARGUMENT for a file that cannot be read
 */
export async function readLabels(
  { outputs }: Pick<ModelConfiguration, "outputs">,
  folder: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const named = outputs.filter(({ labelFilename }) => labelFilename !== "");
  return new Map(
    await Promise.all(
      named.map(async ({ name, labelFilename }) => [name, await linesOf(name, fileOfModel(folder, labelFilename))] as const),
    ),
  );
}

async function linesOf(output: string, file: string): Promise<readonly string[]> {
  try {
    const lines = (await readFile(file, "utf8")).split(/\r?\n/);
    return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `the labels of its output '${output}' cannot be read: ${messageOf(error)}`);
  }
}
