import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parse } from "smol-toml";
import { firstLine, messageOf, ServeError } from "../../core/errors.ts";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

/** The one block of inline script metadata that a Python file may have (PEP 723). */
const BLOCK = /^# \/\/\/ script[ \t]*\r?\n((?:#(?: .*)?\r?\n)+?)# \/\/\/[ \t]*$/gm;

/**
 * What a custom model in Python needs: the inline script metadata of its file (PEP 723) with `dependencies` and `requires-python`,
 * and the version in a file `.python-version` beside it, which pyenv and uv read too.
 * @throws ServeError INVALID_ARGUMENT for metadata that is no TOML, or not of that form
 */
export async function requirementsOfPython(file: string): Promise<ArtefactRequirements> {
  const { dependencies, requiresPython } = scriptMetadata(await readFile(file, "utf8").catch(() => ""), basename(file));
  const pinned = await readFile(join(dirname(file), ".python-version"), "utf8").catch(() => undefined);
  const specifier = requiresPython ?? (pinned === undefined ? undefined : asSpecifier(pinned));
  return {
    ...(dependencies.length === 0 ? {} : { requirements: dependencies.join("\n") }),
    ...(specifier === undefined ? {} : { python: { specifier, required: true } }),
  };
}

/** @throws ServeError INVALID_ARGUMENT */
function scriptMetadata(text: string, name: string): { dependencies: readonly string[]; requiresPython?: string } {
  const blocks = [...text.matchAll(BLOCK)].map(([, block = ""]) => block);
  const [block] = blocks;
  if (block === undefined) return { dependencies: [] };
  if (blocks.length > 1) throw invalid(name, "there are several blocks; keep one");
  const lines = block.split(/\r?\n/).map((line) => line.replace(/^# ?/, ""));
  let metadata: Record<string, unknown>;
  try {
    metadata = parse(lines.join("\n"));
  } catch (error) {
    throw invalid(name, firstLine(messageOf(error)));
  }
  const { dependencies = [], "requires-python": requiresPython } = metadata;
  if (!Array.isArray(dependencies) || !dependencies.every((each) => typeof each === "string"))
    throw invalid(name, 'dependencies must be a list of texts, such as dependencies = ["numpy>=2"]');
  if (requiresPython === undefined) return { dependencies };
  if (typeof requiresPython !== "string") throw invalid(name, 'requires-python must be a text, such as requires-python = ">=3.10"');
  return { dependencies, requiresPython };
}

function invalid(name: string, what: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `the inline script metadata of ${name} (# /// script) cannot be used: ${what}`);
}

/** "3.11.7" and "cpython-3.11" ask for that minor version. */
function asSpecifier(text: string): string | undefined {
  const minor = /(?:^|[-@])(3\.\d+)/.exec(text.trim().split(/\s/, 1)[0] ?? "")?.[1];
  return minor === undefined ? undefined : `==${minor}.*`;
}
