import { ServeError } from "../core/errors.ts";
import type { Interpreter } from "./interpreter.ts";
import { compareVersions } from "./requirements.ts";

export interface ChosenVersion {
  readonly version: string;
  readonly interpreter: Interpreter;
  readonly warning?: string;
}

export interface VersionQuestion {
  /** What the artefact was made with. */
  readonly recorded: string;
  /** Refuse every other version. */
  readonly exact: boolean;
  readonly interpreters: readonly Interpreter[];
  /** File names of the package in the index. */
  readonly files: readonly string[];
  /** "linux", "linux-musl" or "darwin", and "x64" or "arm64". */
  readonly system: string;
  readonly arch: string;
}

/**
 * The scikit-learn to serve a pickle with: the version that made it, on any interpreter that has a wheel of it; else
 * the nearest newer one, with a warning.
 * @throws ServeError FAILED_PRECONDITION when only the exact version would do, or none is new enough
 */
export function chooseScikitLearn({ recorded, exact, interpreters, files, system, arch }: VersionQuestion): ChosenVersion {
  const choices = interpreters.flatMap((interpreter) =>
    versionsFor(interpreter, files, system, arch).map((version) => ({ version, interpreter })),
  );
  const same = choices.find(({ version }) => version === recorded);
  if (same !== undefined) return same;
  const pythons = [...new Set(interpreters.map(({ version }) => version))].join(", ");
  const why = `it was made with scikit-learn ${recorded}, which has no wheel for Python ${pythons} here`;
  if (exact) throw new ServeError("FAILED_PRECONDITION", `${why}; install a Python that has one, or drop --framework-version exact`);
  const [nearest] = choices
    // A pre-release, of which only the numbers are compared, is followed by its release.
    .filter(({ version }) => compareVersions(version, recorded) >= 0)
    .sort((left, right) => compareVersions(left.version, right.version));
  if (nearest === undefined) throw new ServeError("FAILED_PRECONDITION", `${why}, and neither has any newer version`);
  return { ...nearest, warning: `${why}; served with ${nearest.version}` };
}

const WHEEL_TAGS: Readonly<Record<string, string>> = { linux: "manylinux", "linux-musl": "musllinux", darwin: "macosx" };

/** Released versions that have a wheel for the interpreter on the platform. */
function versionsFor(interpreter: Interpreter, files: readonly string[], system: string, arch: string): string[] {
  const python = `cp${interpreter.version.replace(".", "")}`;
  const machine = arch === "x64" ? "x86_64" : "(aarch64|arm64)";
  const tag = WHEEL_TAGS[system] ?? system;
  const wheel = new RegExp(`^scikit_learn-(\\d+(?:\\.\\d+)*)-${python}-${python}-.*${tag}.*${machine}.*\\.whl$`);
  return [...new Set(files.flatMap((name) => wheel.exec(name)?.[1] ?? []))];
}
