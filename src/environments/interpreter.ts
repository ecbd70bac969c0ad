import { readdir, realpath } from "node:fs/promises";
import { basename, delimiter, dirname, join } from "node:path";
import { ServeError } from "../core/errors.ts";
import { run } from "./run.ts";

export interface Interpreter {
  /** The real executable, not a shim. */
  readonly path: string;
  /** "3.11". */
  readonly version: string;
}

const OLDEST_MINOR = 10;
const NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python", "/usr/bin/python3"];
const QUESTION = "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])";

/**
 * The Python interpreters of this machine, best first: the configured one alone, or all that are on the PATH or in pyenv.
 * @throws ServeError FAILED_PRECONDITION when there is none from 3.10 on
 */
export async function findInterpreters(configured?: string): Promise<Interpreter[]> {
  const found = new Map<string, Interpreter>();
  const tooOld = new Set<string>();
  const candidates = configured === undefined ? [...NAMES, ...(await interpretersOfPyenv())] : [configured];
  for (const interpreter of await Promise.all(candidates.map(ask))) {
    if (interpreter === undefined) continue;
    const [major = 0, minor = 0] = interpreter.version.split(".").map(Number);
    const real = await realpath(interpreter.path);
    if (major !== 3 || minor < OLDEST_MINOR) tooOld.add(`${interpreter.path} is ${interpreter.version}`);
    else if (!found.has(real)) found.set(real, interpreter);
  }
  if (found.size > 0) return [...found.values()];
  const looked = `${candidates.join(", ")}${tooOld.size > 0 ? ` (${[...tooOld].join(", ")})` : ""}`;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `it needs Python 3.${OLDEST_MINOR} or newer, and none was found as ${looked}; install one or name it with --python`,
  );
}

/** pyenv's shims only start the versions that are switched on; all of them lie beside the shims. */
async function interpretersOfPyenv(): Promise<string[]> {
  const shims = (process.env.PATH ?? "").split(delimiter).find((folder) => basename(folder) === "shims");
  if (shims === undefined) return [];
  const versions = join(dirname(shims), "versions");
  const names = await readdir(versions).catch(() => []);
  return names.filter((name) => /^3\.\d{2,}\.\d+$/.test(name)).map((name) => join(versions, name, "bin", "python3"));
}

async function ask(name: string): Promise<Interpreter | undefined> {
  try {
    const [path, version] = (await run([name, "-I", "-c", QUESTION])).trim().split("\n");
    return path === undefined || version === undefined ? undefined : { path, version };
  } catch {
    return undefined;
  }
}
