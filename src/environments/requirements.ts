import { ServeError } from "../core/errors.ts";
import type { ModelFormat } from "../core/formats.ts";
import { packagesOf, replacementsOf } from "./format-requirements.ts";

/** scikit-learn before this was built against numpy 1 and does not import with numpy 2. */
const FIRST_WITH_NUMPY_2 = "1.4.2";

export interface RequirementSources {
  readonly format: ModelFormat;
  /** Contents of requirements.txt. */
  readonly text?: string | undefined;
  /** What the artefact itself records, in the same form. */
  readonly recorded?: string | undefined;
  /** Version of scikit-learn to use. */
  readonly scikitLearn?: string | undefined;
  /** An NVIDIA GPU is there. */
  readonly gpu: boolean;
}

/**
 * All requirements of an environment: ours, for each package replaced by what the artefact records, and that by what the user names.
 * Sorted, so that equal sets are equal.
 */
export function requirementsOf({ format, text = "", recorded = "", scikitLearn, gpu }: RequirementSources): string[] {
  const pinned = packagesOf(format, gpu).map((requirement) => {
    if (scikitLearn === undefined) return requirement;
    if (requirement === "scikit-learn") return `scikit-learn==${scikitLearn}`;
    return requirement === "numpy" && compareVersions(scikitLearn, FIRST_WITH_NUMPY_2) < 0 ? "numpy<2" : requirement;
  });
  const users = requirementsIn(text);
  const recordedOnes = without(requirementsIn(recorded), users);
  return [...new Set([...without(pinned, [...users, ...recordedOnes]), ...recordedOnes, ...users])].sort();
}

/** Those of packages that the others do not name. */
function without(requirements: readonly string[], others: readonly string[]): string[] {
  const named = new Set(others.map(packageName));
  return requirements.filter((requirement) => {
    const name = packageName(requirement);
    return !named.has(name) && !replacementsOf(name).some((replacement) => named.has(replacement));
  });
}

/** True when a requirements.txt names the package itself, in whatever spelling. */
export function requires(text: string, name: string): boolean {
  return requirementsIn(text).some((requirement) => packageName(requirement) === name);
}

/** A package by its name, with extras, versions and markers: what PEP 508 has without a URL. */
const BY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[\w\s,.-]*\])?\s*\(?\s*((===|[<>=!~]=?)\s*[\w.*+!-]+\s*,?\s*)*\)?\s*(;[^@]*)?$/;

/** @throws ServeError PERMISSION_DENIED for options, URLs and paths: they can run code, or come from anywhere */
export function assertByName(text: string): void {
  const wrong = requirementsIn(text).find((requirement) => !BY_NAME.test(requirement));
  if (wrong === undefined) return;
  const hint = "if you trust it, allow it: annotation nitrous/trust: pickle, or nitrous serve --trust NAME";
  throw new ServeError(
    "PERMISSION_DENIED",
    `its requirements.txt has ${JSON.stringify(wrong.slice(0, 100))}; the packages of a model that nobody trusts are named, with versions, and nothing else; ${hint}`,
  );
}

/** One requirement or option each, without comments; a line that ends with a backslash goes on in the next. */
function requirementsIn(text: string): string[] {
  return text
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Normalised as PEP 503 says. */
function packageName(requirement: string): string {
  return (/^[A-Za-z0-9][A-Za-z0-9._-]*/.exec(requirement)?.[0] ?? requirement).toLowerCase().replace(/[-_.]+/g, "-");
}

/** By their numbers; negative when the left one is older. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left.split(".").map(Number.parseFloat), right.split(".").map(Number.parseFloat)];
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] || 0) - (b[index] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
