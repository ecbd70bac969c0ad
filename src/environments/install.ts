import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Interpreter } from "./interpreter.ts";
import { configuredIndex } from "./package-index.ts";
import { INSTALLING, run } from "./run.ts";

export interface Installation {
  /** Gets `requirements.txt` and `venv`. */
  readonly folder: string;
  readonly interpreter: Interpreter;
  readonly requirements: readonly string[];
  /** Win over what packages ask for; only uv can do that. */
  readonly overrides?: readonly string[];
  /** Nothing is built, because that runs code of the package. */
  readonly wheelsOnly: boolean;
  readonly findUv: () => Promise<string>;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes a virtual environment with the requirements: with uv; where that cannot be had, with the interpreter's venv and pip.
 * @throws Error with the command that failed and the end of what it printed
 */
export async function install({
  folder,
  interpreter,
  requirements,
  overrides = [],
  wheelsOnly,
  findUv,
  onProgress,
  signal,
}: Installation): Promise<void> {
  const file = join(folder, "requirements.txt");
  await writeFile(file, `${requirements.join("\n")}\n`);
  const venv = join(folder, "venv");
  const environment = await installerEnvironment();
  const wheels = wheelsOnly ? ["--only-binary", ":all:"] : [];
  let uv: string;
  try {
    uv = await findUv();
  } catch (error) {
    signal.throwIfAborted();
    if (overrides.length > 0) throw error;
    onProgress(`${messageOf(error)}; using venv and pip`);
    await run([interpreter.path, "-m", "venv", venv], { signal, niceness: INSTALLING }).catch((cause: unknown) => {
      throw new Error(`uv: ${messageOf(error)}\nvenv: ${messageOf(cause)}\nInstall uv, or Python's venv and pip`, { cause });
    });
    await run([pythonOf(folder), "-m", "pip", "install", "--quiet", ...wheels, "-r", file], {
      onLine: onProgress,
      signal,
      environment,
      niceness: INSTALLING,
    });
    return;
  }
  await run([uv, "venv", "--python", interpreter.path, venv], { signal, environment, niceness: INSTALLING });
  const say = (line: string): void => {
    // One line for each package says less than nothing.
    if (!line.startsWith("+ ")) onProgress(line);
  };
  const overriding = overrides.length === 0 ? [] : ["--override", join(folder, "overrides.txt")];
  if (overrides.length > 0) await writeFile(join(folder, "overrides.txt"), `${overrides.join("\n")}\n`);
  await run([uv, "pip", "install", "--python", pythonOf(folder), ...wheels, ...overriding, "-r", file], {
    onLine: say,
    signal,
    environment,
    niceness: INSTALLING,
  });
}

/** The interpreter of the environment in a folder. */
export function pythonOf(folder: string): string {
  return join(folder, "venv", "bin", "python");
}

/** uv and pip do not read each other's settings; whichever runs here shall find what the user configured for either. */
async function installerEnvironment(): Promise<Record<string, string>> {
  const { PIP_FIND_LINKS, UV_FIND_LINKS, UV_INDEX_URL, UV_DEFAULT_INDEX } = process.env;
  const index = await configuredIndex();
  return {
    UV_PYTHON_DOWNLOADS: "never",
    ...(index === undefined ? {} : { PIP_INDEX_URL: index }),
    ...(index === undefined || UV_DEFAULT_INDEX || UV_INDEX_URL ? {} : { UV_DEFAULT_INDEX: index }),
    ...(PIP_FIND_LINKS && !UV_FIND_LINKS ? { UV_FIND_LINKS: PIP_FIND_LINKS } : {}),
  };
}
