import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelFormat } from "../core/model.ts";
import { chooseScikitLearn } from "./framework-version.ts";
import { findInterpreters, type Interpreter } from "./interpreter.ts";
import { listFiles } from "./package-index.ts";
import { recordedScikitLearn } from "./recorded-version.ts";
import { requirementsOf } from "./requirements.ts";
import { run } from "./run.ts";
import { findUv } from "./uv.ts";

export interface EnvironmentQuestion {
  readonly format: ModelFormat;
  /** The artefact, which may record a framework version. */
  readonly file: string;
  /** Contents of the model's requirements.txt. */
  readonly requirementsText?: string;
  /** Serve with the recorded version or not at all. */
  readonly exact: boolean;
}

export interface Environment {
  /** Its interpreter. */
  readonly python: string;
  /** What the model's status should say. */
  readonly warnings: readonly string[];
}

export interface EnvironmentsOptions {
  readonly stateDirectory: string;
  /** The only interpreter to use. */
  readonly python?: string;
}

export interface Environments {
  /**
   * The environment for a model, made when it is not there yet. Models with equal needs share one.
   * @throws ServeError with the end of the installer's output
   */
  ensure(question: EnvironmentQuestion, onProgress: (line: string) => void, signal?: AbortSignal): Promise<Environment>;
}

/** Kept in a finished environment; without it the folder is a rest of one that was interrupted. */
interface Complete {
  readonly requirements: readonly string[];
  readonly warnings: readonly string[];
}

const COMPLETE = "environment.json";
const LOCK_POLL_MS = 200;

/** Python environments under the state directory, each in a folder named by the hash of what it was made from. */
export function createEnvironments({ stateDirectory, python }: EnvironmentsOptions): Environments {
  const directory = join(stateDirectory, "environments");
  const underWay = new Map<string, Promise<Environment>>();
  let interpreters: Promise<Interpreter[]> | undefined;
  let uv: Promise<string> | undefined;
  const provideUv: Plan["provideUv"] = (onProgress, signal) => {
    uv ??= findUv(join(stateDirectory, "tools"), onProgress, signal);
    // What failed may succeed when it is tried again.
    uv.catch(() => {
      uv = undefined;
    });
    return uv;
  };

  return {
    async ensure(question, onProgress, signal) {
      interpreters ??= findInterpreters(python);
      const found = await interpreters;
      const recorded = question.format === "sklearn" ? await recordedScikitLearn(question.file) : undefined;
      const text = question.requirementsText ?? "";
      const gpu = existsSync("/dev/nvidia0");
      const hash = hashOf({ format: question.format, text, recorded, exact: question.exact, gpu, found });
      let making = underWay.get(hash);
      if (making === undefined) {
        const folder = join(directory, hash);
        making = makeOrFind(folder, { ...question, recorded, text, gpu, interpreters: found, provideUv }, onProgress, signal);
        underWay.set(hash, making);
        making.catch(() => underWay.delete(hash));
      }
      return await making;
    },
  };
}

interface Plan extends EnvironmentQuestion {
  readonly recorded: string | undefined;
  readonly text: string;
  readonly gpu: boolean;
  readonly interpreters: readonly Interpreter[];
  /** Two models that load at once share one download. */
  readonly provideUv: (onProgress: (line: string) => void, signal?: AbortSignal) => Promise<string>;
}

async function makeOrFind(folder: string, plan: Plan, onProgress: (line: string) => void, signal?: AbortSignal): Promise<Environment> {
  return (
    (await readComplete(folder)) ??
    (await withLock(`${folder}.lock`, signal, async () => (await readComplete(folder)) ?? (await make(folder, plan, onProgress, signal))))
  );
}

async function make(folder: string, plan: Plan, onProgress: (line: string) => void, signal?: AbortSignal): Promise<Environment> {
  const { version, interpreter, warning } = await chooseFramework(plan, signal);
  const requirements = requirementsOf({ format: plan.format, text: plan.text, scikitLearn: version, gpu: plan.gpu });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await install(folder, interpreter, requirements, plan.provideUv, onProgress, signal);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new ServeError("FAILED_PRECONDITION", `its Python environment could not be made; the installer says\n${messageOf(error)}`, {
      cause: error,
    });
  }
  const complete: Complete = { requirements, warnings: warning === undefined ? [] : [warning] };
  await writeFile(join(folder, COMPLETE), JSON.stringify(complete, undefined, 2));
  return { python: pythonOf(folder), warnings: complete.warnings };
}

async function chooseFramework(
  { recorded, exact, interpreters }: Plan,
  signal?: AbortSignal,
): Promise<{ version?: string; interpreter: Interpreter; warning?: string }> {
  const first = interpreters[0] as Interpreter;
  if (recorded === undefined) return { interpreter: first };
  const files = (await listFiles("scikit-learn", signal)).map(({ name }) => name);
  return chooseScikitLearn({ recorded, exact, interpreters, files, platform: process.platform, arch: process.arch });
}

/** With uv; where it cannot be had, with the interpreter's own venv and pip. */
async function install(
  folder: string,
  interpreter: Interpreter,
  requirements: readonly string[],
  provideUv: Plan["provideUv"],
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const file = join(folder, "requirements.txt");
  await writeFile(file, `${requirements.join("\n")}\n`);
  const venv = join(folder, "venv");
  let uv: string;
  try {
    uv = await provideUv(onProgress, signal);
  } catch (error) {
    onProgress(`${messageOf(error)}; using venv and pip`);
    await run([interpreter.path, "-m", "venv", venv], { signal }).catch((cause: unknown) => {
      throw new Error(`uv: ${messageOf(error)}\nvenv: ${messageOf(cause)}\nInstall uv, or Python's venv and pip`, { cause });
    });
    await run([pythonOf(folder), "-m", "pip", "install", "--quiet", "-r", file], { onLine: onProgress, signal });
    return;
  }
  // The find-links of pip's users is not read by uv under its own name.
  const links = process.env.PIP_FIND_LINKS;
  const environment = {
    UV_PYTHON_DOWNLOADS: "never",
    ...(links === undefined || process.env.UV_FIND_LINKS !== undefined ? {} : { UV_FIND_LINKS: links }),
  };
  await run([uv, "venv", "--python", interpreter.path, venv], { signal, environment });
  const say = (line: string): void => {
    // One line for each package says less than nothing.
    if (!line.startsWith("+ ")) onProgress(line);
  };
  await run([uv, "pip", "install", "--python", pythonOf(folder), "-r", file], { onLine: say, signal, environment });
}

async function readComplete(folder: string): Promise<Environment | undefined> {
  const text = await readFile(join(folder, COMPLETE), "utf8").catch(() => undefined);
  if (text === undefined || !existsSync(pythonOf(folder))) return undefined;
  return { python: pythonOf(folder), warnings: (JSON.parse(text) as Complete).warnings };
}

/** One process at a time makes an environment; the lock of a process that is gone is void. */
async function withLock<Result>(path: string, signal: AbortSignal | undefined, task: () => Promise<Result>): Promise<Result> {
  await mkdir(join(path, ".."), { recursive: true });
  for (;;) {
    signal?.throwIfAborted();
    const handle = await open(path, "wx").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return undefined;
      throw error;
    });
    if (handle !== undefined) {
      await handle.writeFile(String(process.pid));
      await handle.close();
      try {
        return await task();
      } finally {
        await rm(path, { force: true });
      }
    }
    const owner = Number(await readFile(path, "utf8").catch(() => ""));
    if (owner > 0 && !isRunning(owner)) await rm(path, { force: true });
    else await delay(LOCK_POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function pythonOf(folder: string): string {
  return join(folder, "venv", "bin", "python");
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}
