import { ServeError } from "../core/errors.ts";
import type { PythonWish } from "./artefact-requirements/artefact-requirements.ts";
import type { Interpreter } from "./interpreter.ts";

/** One clause of a version specifier of PEP 440. */
const CLAUSE = /^(~=|===?|!=|<=?|>=?)\s*(\d+)(?:\.(\d+))?(?:\.(?:\d+|\*))*(?:[-_.]?[a-z]+\d*)*(\.\*)?$/i;

/**
 * The interpreters that a model's wish allows, best first, or all of them with a warning when none does and others may serve.
 * Releases behind the minor version are not compared: packages do not depend on them.
 * @throws ServeError FAILED_PRECONDITION when the wish is required and none fits, INVALID_ARGUMENT when it cannot be read
 */
export function interpretersFor(
  wish: PythonWish | undefined,
  interpreters: readonly Interpreter[],
): { readonly interpreters: readonly Interpreter[]; readonly warning?: string } {
  if (wish === undefined) return { interpreters };
  const fitting = interpreters.filter(({ version }) => satisfies(version, wish.specifier));
  if (fitting.length > 0) return { interpreters: fitting };
  const here = [...new Set(interpreters.map(({ version }) => version))].join(", ");
  if (wish.required)
    throw new ServeError("FAILED_PRECONDITION", `it asks for Python ${wish.specifier}, and here is only ${here}: install one that fits`);
  return {
    interpreters,
    warning: `it was made with Python ${wish.specifier.replace(/^==|\.\*$/g, "")}, and is served with ${interpreters[0]?.version}`,
  };
}

/** Whether a minor version such as "3.11" satisfies a specifier. @throws ServeError INVALID_ARGUMENT */
export function satisfies(version: string, specifier: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return specifier.split(",").every((text) => {
    const clause = text.trim();
    const found = CLAUSE.exec(clause);
    if (clause === "") return true;
    if (found === null)
      throw new ServeError("INVALID_ARGUMENT", `'${specifier}' is no version of Python: expected something like >=3.10,<3.14`);
    const operator = found[1] as string;
    const wantedMinor = found[3] === undefined ? undefined : Number(found[3]);
    const hasPatch = /^\D*\d+\.\d+\.\d/.test(clause);
    const order = major - Number(found[2]) || (wantedMinor === undefined ? 0 : minor - wantedMinor);
    switch (operator) {
      case ">=":
        return order >= 0;
      case ">":
        return hasPatch ? order >= 0 : order > 0;
      case "<=":
        return order <= 0;
      case "<":
        return hasPatch ? order <= 0 : order < 0;
      case "!=":
        return hasPatch || order !== 0;
      case "~=":
        return hasPatch ? order === 0 : major === Number(found[2]) && order >= 0;
      default:
        return order === 0;
    }
  });
}
