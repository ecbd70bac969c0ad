import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { readModels } from "../resources/index.ts";

/** Files of models that come with requests, each model in a folder of its own that goes with it. */
export class GivenFiles {
  readonly #directory: string;
  #made: string | undefined;

  /** @param directory absolute; the files are below a new folder in it */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Writes a model's files and looks for its versions.
   * @param files by path below the model's folder; who calls has checked that they stay there
   * @param configuration what stands for a config.pbtxt among them
   * @throws ServeError FAILED_PRECONDITION when they are no model
   */
  async write(
    name: string,
    files: ReadonlyMap<string, Uint8Array>,
    configuration: ModelConfiguration,
  ): Promise<{ folder: string; specs: readonly ModelSpec[] }> {
    if (this.#made === undefined) {
      await mkdir(this.#directory, { recursive: true });
      await this.#removeLeftovers();
      this.#made = await mkdtemp(join(this.#directory, `${process.pid}-`));
    }
    const folder = await mkdtemp(join(this.#made, "model-"));
    const model = join(folder, name);
    try {
      for (const [path, contents] of files) {
        const file = join(model, path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, contents);
      }
      const { models, rejections } = await readModels([model], { configuration });
      const specs = models.filter((spec) => spec.name === name);
      if (specs.length > 0) return { folder, specs };
      const reasons = rejections.map(({ reason }) => reason).join("; ");
      throw new ServeError("FAILED_PRECONDITION", `the files that were given are no model: ${reasons}`);
    } catch (error) {
      await this.remove(folder);
      throw asGiven(error, folder);
    }
  }

  async remove(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  /** Of servers that were ended before they could. Others may be at work in the same folder. */
  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1]);
      if (pid > 0 && !isAlive(pid)) await this.remove(join(this.#directory, name));
    }
  }

  async close(): Promise<void> {
    if (this.#made !== undefined) await this.remove(this.#made);
  }
}

/** The same error, with paths as whoever gave the files knows them. */
export function asGiven(error: unknown, folder: string): unknown {
  if (!(error instanceof ServeError) || !error.message.includes(folder)) return error;
  return new ServeError(error.code, error.message.replaceAll(`${folder}/`, "").replaceAll(folder, "its folder"), { cause: error });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
