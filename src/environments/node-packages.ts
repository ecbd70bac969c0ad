import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import { SharedWork } from "../core/shared-work.ts";
import { withLock } from "./lock.ts";
import { INSTALLING, type RunOptions, run } from "./run.ts";

/** Prepares images and sound for exports of Hugging Face models, and reads what they answer; half a gigabyte that most never need. */
const TRANSFORMERS = { name: "@huggingface/transformers", version: "4.3.1" } as const;

/** Files of a Hugging Face folder that text alone does not need: what prepares images and sound, and graphs that write text. */
const MARKS = /^(?:preprocessor_config\.json|processor_config\.json|decoder_model.*\.onnx|decoder_with_past.*\.onnx)$/;

/** Whether a folder with an ONNX export needs {@link NodePackages.transformers}. */
export async function needsTransformers(directory: string): Promise<boolean> {
  const names = await Promise.all([directory, join(directory, "onnx")].map((folder) => readdir(folder).catch((): string[] => [])));
  return names.flat().some((name) => MARKS.test(name));
}

/** Optional packages of the Node host, each installed on first use into a folder of its own. */
export class NodePackages {
  readonly #directory: string;
  readonly #run: (command: readonly string[], options: RunOptions) => Promise<unknown>;
  readonly #installing = new SharedWork<string>();

  /** @param directory gets a folder for each package */
  constructor(directory: string, runCommand: (command: readonly string[], options: RunOptions) => Promise<unknown> = run) {
    this.#directory = directory;
    this.#run = runCommand;
  }

  /**
   * The folder whose node_modules have Transformers.js; models that want it at the same time share one installation.
   * @throws ServeError FAILED_PRECONDITION with npm's last lines, or the signal's reason
   */
  async transformers(onProgress: (line: string) => void, signal: AbortSignal): Promise<string> {
    const folder = join(this.#directory, `transformers-${TRANSFORMERS.version}`);
    return await this.#installing.run(
      folder,
      async (say, shared) => {
        if (await exists(folder)) return folder;
        const onWait = (): void => say("another nitrous is installing it; waiting");
        await withLock(`${folder}.lock`, { onWait, signal: shared }, async () => {
          if (!(await exists(folder))) await this.#install(folder, say, shared);
        });
        return folder;
      },
      onProgress,
      signal,
    );
  }

  async #install(folder: string, onProgress: (line: string) => void, signal: AbortSignal): Promise<void> {
    const { name, version } = TRANSFORMERS;
    onProgress(`installing ${name} ${version} with npm, once for all models (about 500 MB)`);
    const aside = `${folder}.partial`;
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside, { recursive: true });
    await writeFile(join(aside, "package.json"), JSON.stringify({ private: true, dependencies: { [name]: version } }));
    // Without scripts: onnxruntime-node's would download libraries for NVIDIA's processors, and no package's may run here.
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"];
    try {
      await this.#run(["npm", "install", "--prefix", aside, ...flags], {
        onLine: onProgress,
        signal,
        environment: { ONNXRUNTIME_NODE_INSTALL: "skip" },
        niceness: INSTALLING,
      });
    } catch (error) {
      signal.throwIfAborted();
      const hint =
        "it prepares images and sound for exports of Hugging Face models; see to npm's network or registry, and the model is tried again";
      throw new ServeError("FAILED_PRECONDITION", `${name} could not be installed: ${messageOf(error)}\n${hint}`, { cause: error });
    }
    await rename(aside, folder);
  }
}

async function exists(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined)) !== undefined;
}
