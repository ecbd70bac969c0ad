import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import { install, pythonOf } from "./install.ts";
import { findInterpreters } from "./interpreter.ts";
import { withLock } from "./lock.ts";
import { run } from "./run.ts";
import { COMPLETE } from "./unused.ts";
import { findUv } from "./uv.ts";

/** An environment that a user asked for by its name, and that stays until the user removes it. */
export interface NamedEnvironment {
  readonly bin: string;
  readonly sitePackages: string;
  /** Folder with the shared library of the interpreter that it was made from. */
  readonly libraries: string;
  /** "3.11". */
  readonly python: string;
  /** What that interpreter consists of lies below here. */
  readonly base: string;
  readonly requirements: readonly string[];
}

export interface NamedEnvironmentOptions {
  /** Gets `venv`. */
  readonly folder: string;
  readonly toolsDirectory: string;
  /** The only interpreter to use. */
  readonly python?: string | undefined;
  readonly requirements: readonly string[];
  readonly overrides?: readonly string[] | undefined;
  /** What is still to be done before it is finished. */
  readonly finish?: ((made: NamedEnvironment) => Promise<void>) | undefined;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

const QUESTION =
  "import sys, sysconfig, json; print(json.dumps({'sitePackages': sysconfig.get_path('purelib'), 'libraries': sysconfig.get_config_var('LIBDIR') or '', 'python': '%d.%d' % sys.version_info[:2], 'base': sys.base_prefix}))";

/**
 * Makes an environment, or again one whose requirements have changed.
 * @throws ServeError FAILED_PRECONDITION with the end of the installer's output, or the signal's reason
 */
export async function ensureNamedEnvironment(options: NamedEnvironmentOptions): Promise<NamedEnvironment> {
  const { folder, requirements, overrides = [], onProgress, signal } = options;
  const onWait = (): void => onProgress("another nitrous is making it; waiting");
  return await withLock(`${folder}.lock`, { onWait, signal }, async () => {
    const present = await findNamedEnvironment(folder);
    const wanted = JSON.stringify([...requirements, ...overrides]);
    if (present !== undefined && JSON.stringify(present.requirements) === wanted) return present;
    const [interpreter] = await findInterpreters(options.python);
    if (interpreter === undefined) throw new ServeError("FAILED_PRECONDITION", "there is no Python to make it with");
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    try {
      await install({
        folder,
        interpreter,
        requirements,
        overrides,
        wheelsOnly: false,
        findUv: () => findUv(options.toolsDirectory, onProgress, signal),
        onProgress,
        signal,
      });
      const facts = JSON.parse(await run([pythonOf(folder), "-I", "-c", QUESTION], { signal })) as Omit<
        NamedEnvironment,
        "bin" | "requirements"
      >;
      const made = { ...facts, bin: join(folder, "venv", "bin"), requirements: [...requirements, ...overrides] };
      await options.finish?.(made);
      await writeFile(join(folder, COMPLETE), JSON.stringify(made, undefined, 2));
      return made;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      signal.throwIfAborted();
      throw new ServeError("FAILED_PRECONDITION", `its environment could not be made; the installer says\n${messageOf(error).trimEnd()}`, {
        cause: error,
      });
    }
  });
}

/** The finished environment in a folder; undefined when there is none. */
export async function findNamedEnvironment(folder: string): Promise<NamedEnvironment | undefined> {
  const text = await readFile(join(folder, COMPLETE), "utf8").catch(() => undefined);
  if (text === undefined || !existsSync(pythonOf(folder))) return undefined;
  return JSON.parse(text) as NamedEnvironment;
}
