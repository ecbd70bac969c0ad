import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelFormat } from "../core/formats.ts";
import { SharedWork } from "../core/shared-work.ts";
import { artefactRequirements } from "./artefact-requirements/index.ts";
import { Bytecode } from "./bytecode.ts";
import { packagesOf } from "./format-requirements.ts";
import { chooseScikitLearn } from "./framework-version.ts";
import { install, pythonOf } from "./install.ts";
import { findInterpreters, type Interpreter } from "./interpreter.ts";
import { withLock } from "./lock.ts";
import { ensureModelPackages } from "./model-packages.ts";
import { listFiles } from "./package-index.ts";
import { findPackedEnvironment } from "./packed-environment.ts";
import { currentPlatform } from "./platform.ts";
import { interpretersFor } from "./python-version.ts";
import { recordedScikitLearn } from "./recorded-version.ts";
import { assertByName, requirementsOf, requires } from "./requirements.ts";
import { COMPLETE, removeUnused, touch } from "./unused.ts";
import { findUv } from "./uv.ts";

export interface EnvironmentQuestion {
  readonly format: ModelFormat;
  /** The artefact, which may record a framework version. */
  readonly file: string;
  /** Contents of the model's requirements.txt. */
  readonly requirementsText?: string;
  /** Serve with the recorded version or not at all. */
  readonly exact: boolean;
  /** Somebody trusts the model. Otherwise its packages come as wheels, by name and version from the package index, so that none runs code to be built. */
  readonly trusted: boolean;
}

export interface Environment {
  /** Its interpreter. */
  readonly python: string;
  /** Folder with its compiled modules, for hosts that only read it. */
  readonly bytecode?: string;
  /** What the model's status should say. */
  readonly warnings: readonly string[];
}

export interface EnvironmentsOptions {
  /** Gets `environments` and `tools`. */
  readonly directory: string;
  /** The only interpreter to use. */
  readonly python?: string;
  /** Of a server that stays; without it environments are not compiled beside its work. */
  readonly clock?: Clock;
  /** Folders of modules that hosts use besides those of their environments. */
  readonly packages?: readonly string[];
}

export interface Environments {
  /**
   * The environment for a model, made when it is not there yet. Models with equal needs share one.
   * @throws ServeError FAILED_PRECONDITION with the end of the installer's output, PERMISSION_DENIED for requirements that only a
   * trusted model may have, UNAVAILABLE when the package index is, or the signal's reason
   */
  ensure(question: EnvironmentQuestion, onProgress: (line: string) => void, signal?: AbortSignal): Promise<Environment>;
  /** The interpreter of an environment that somebody has made: {@link findPackedEnvironment}. */
  ensurePacked(path: string, onProgress: (line: string) => void, signal: AbortSignal): Promise<string>;
  /** The node_modules for a model in TypeScript or JavaScript: {@link ensureModelPackages}. */
  ensurePackages(directory: string, onProgress: (line: string) => void, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Removes environments that no server has used for so many days, what interrupted ones left, and byte code of confined models that
   * were not started for as long; environments that this server has used count as used now.
   */
  collect(days: number): Promise<readonly string[]>;
  /** Ends what is under way for its own sake. */
  close(): Promise<void>;
}

/** Kept in a finished environment; without it the folder is a rest of one that was interrupted. */
interface Complete {
  readonly requirements: readonly string[];
  readonly warnings: readonly string[];
}

/** Python environments, each in a folder named by the hash of what it was made from. */
export function createEnvironments({ directory, python, clock, packages = [] }: EnvironmentsOptions): Environments {
  const bytecode = new Bytecode(clock, packages);
  const making = new SharedWork<Environment>();
  /** Folders of those that this server has used. */
  const used = new Set<string>();
  const tools = new SharedWork<string>();
  const findSharedUv: Plan["findUv"] = (onProgress, signal) =>
    tools.run("uv", (say, shared) => findUv(join(directory, "tools"), say, shared), onProgress, signal);

  let found: Promise<Interpreter[]> | undefined;
  const findOnce = (): Promise<Interpreter[]> => {
    found ??= findInterpreters(python).catch((error: unknown) => {
      // Someone may install one while the server runs.
      found = undefined;
      throw error;
    });
    return found;
  };

  return {
    async ensure(question, onProgress, signal) {
      const text = question.requirementsText ?? "";
      if (!question.trusted) assertByName(text);
      // A version that the user names is the one to serve with, whatever the artefact says.
      const looks = question.format === "sklearn" && !requires(text, "scikit-learn");
      const recorded = looks ? await recordedScikitLearn(question.file, signal) : undefined;
      const artefact = await artefactRequirements(question.format, question.file, signal);
      if (!question.trusted) assertByName(artefact.requirements ?? "");
      const { interpreters, warning } = interpretersFor(artefact.python, await findOnce());
      const gpu = existsSync("/dev/nvidia0");
      const hash = hashOf({
        packages: packagesOf(question.format, gpu),
        text,
        recorded,
        ...(artefact.requirements === undefined ? {} : { artefact: artefact.requirements }),
        exact: question.exact,
        gpu,
        interpreters,
        ...((text === "" && artefact.requirements === undefined) || question.trusted ? {} : { wheelsOnly: true }),
      });
      const plan: Plan = { ...question, recorded, text, artefact: artefact.requirements, gpu, interpreters, findUv: findSharedUv };
      const folder = join(directory, "environments", hash);
      // Before it is looked for: it must not be removed as unused now.
      await touch(folder);
      const made = await making.run(hash, (say, shared) => makeOrFind(folder, plan, say, shared), onProgress, signal);
      used.add(folder);
      // Hosts of models that are trusted share what they compile.
      if (!question.trusted) bytecode.compileLater(folder);
      const compiled = bytecode.of(folder);
      const warnings = [...made.warnings, ...(artefact.warnings ?? []), ...(warning === undefined ? [] : [warning])];
      return { ...made, warnings, ...(compiled === undefined ? {} : { bytecode: compiled }) };
    },
    async ensurePackages(folder, onProgress, signal) {
      const made = await ensureModelPackages(join(directory, "environments"), folder, onProgress, signal);
      if (made !== undefined) used.add(dirname(made));
      return made;
    },
    async ensurePacked(path, onProgress, signal) {
      const { python: found, folder } = await findPackedEnvironment(path, {
        directory: join(directory, "environments"),
        onProgress,
        signal,
      });
      if (folder !== undefined) used.add(folder);
      return found;
    },
    async collect(days) {
      await Promise.all([...used].map(touch));
      const compiled = await removeUnused(join(directory, "bytecode-confined"), days);
      return [...(await removeUnused(join(directory, "environments"), days)), ...compiled];
    },
    close: () => bytecode.close(),
  };
}

interface Plan extends EnvironmentQuestion {
  readonly recorded: string | undefined;
  readonly text: string;
  /** Requirements that the artefact records. */
  readonly artefact: string | undefined;
  readonly gpu: boolean;
  readonly interpreters: readonly Interpreter[];
  /** Two models that load at once share one download. */
  readonly findUv: (onProgress: (line: string) => void, signal: AbortSignal) => Promise<string>;
}

async function makeOrFind(folder: string, plan: Plan, onProgress: (line: string) => void, signal: AbortSignal): Promise<Environment> {
  const onWait = (): void => onProgress("another nitrous is making it; waiting");
  return (
    (await readComplete(folder)) ??
    (await withLock(`${folder}.lock`, { onWait, signal }, async () => {
      return (await readComplete(folder)) ?? (await make(folder, plan, onProgress, signal));
    }))
  );
}

async function make(folder: string, plan: Plan, onProgress: (line: string) => void, signal: AbortSignal): Promise<Environment> {
  const { version, interpreter, warning } = await chooseFramework(plan, signal);
  const requirements = requirementsOf({
    format: plan.format,
    text: plan.text,
    recorded: plan.artefact,
    gpu: plan.gpu,
    ...(version === undefined ? {} : { scikitLearn: version }),
  });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    await install({
      folder,
      interpreter,
      requirements,
      wheelsOnly: !plan.trusted,
      findUv: () => plan.findUv(onProgress, signal),
      onProgress,
      signal,
    });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    signal.throwIfAborted();
    const hint =
      plan.text !== ""
        ? "\nWhat it asks for is in the requirements.txt beside the model: correct that, unless the network is to blame."
        : plan.artefact !== undefined
          ? "\nWhat it asks for is recorded in the model itself; a requirements.txt beside it wins over that, package by package."
          : "";
    const text = `its Python environment could not be made; the installer says\n${messageOf(error).trimEnd()}${hint}`;
    throw new ServeError("FAILED_PRECONDITION", text, { cause: error });
  }
  const complete: Complete = { requirements, warnings: warning === undefined ? [] : [warning] };
  await writeFile(join(folder, COMPLETE), JSON.stringify(complete, undefined, 2));
  return { python: pythonOf(folder), warnings: complete.warnings };
}

async function chooseFramework(
  { recorded, exact, interpreters }: Plan,
  signal: AbortSignal,
): Promise<{ version?: string; interpreter: Interpreter; warning?: string }> {
  const first = interpreters[0] as Interpreter;
  if (recorded === undefined) return { interpreter: first };
  const files = (await listFiles("scikit-learn", signal)).map(({ name }) => name);
  return chooseScikitLearn({ recorded, exact, interpreters, files, ...currentPlatform() });
}

async function readComplete(folder: string): Promise<Environment | undefined> {
  const text = await readFile(join(folder, COMPLETE), "utf8").catch(() => undefined);
  if (text === undefined || !existsSync(pythonOf(folder))) return undefined;
  return { python: pythonOf(folder), warnings: (JSON.parse(text) as Complete).warnings };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}
