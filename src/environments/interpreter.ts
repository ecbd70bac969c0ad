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
 * The Python interpreters of this machine, best first: the configured one alone, or all that are on the PATH.
 * @throws ServeError FAILED_PRECONDITION when there is none from 3.10 on
 */
export async function findInterpreters(configured?: string): Promise<Interpreter[]> {
  const found = new Map<string, Interpreter>();
  const tooOld: string[] = [];
  const candidates = configured === undefined ? NAMES : [configured];
  for (const interpreter of await Promise.all(candidates.map(ask))) {
    if (interpreter === undefined) continue;
    const [major = 0, minor = 0] = interpreter.version.split(".").map(Number);
    if (major === 3 && minor >= OLDEST_MINOR) found.set(interpreter.path, interpreter);
    else tooOld.push(`${interpreter.path} is ${interpreter.version}`);
  }
  if (found.size > 0) return [...found.values()];
  const looked = `${candidates.join(", ")}${tooOld.length > 0 ? ` (${tooOld.join(", ")})` : ""}`;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `it needs Python 3.${OLDEST_MINOR} or newer, and none was found as ${looked}; install one or name it with --python`,
  );
}

async function ask(name: string): Promise<Interpreter | undefined> {
  try {
    const [path, version] = (await run([name, "-I", "-c", QUESTION])).trim().split("\n");
    return path === undefined || version === undefined ? undefined : { path, version };
  } catch {
    return undefined;
  }
}
