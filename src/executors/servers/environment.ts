import type { ContainerSpec } from "../../core/container.ts";
import { fillReferences } from "../../core/container-references.ts";
import { ServeError } from "../../core/errors.ts";
import { type ObjectDirectories, readKey, readObject } from "./objects.ts";

/** What Kubernetes takes for a variable's name. */
const VARIABLE = /^[-._A-Za-z][-._A-Za-z0-9]*$/;

/** A container's words as its program gets them: secrets are in them, so they are shown to nobody. */
export interface StartWords {
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly arguments: readonly string[];
}

/**
 * Reads what the spec only names, and puts it in the place of references to it.
 * @throws ServeError FAILED_PRECONDITION for an object or key that is not there, INVALID_ARGUMENT for a value that no variable can have
 */
export function startWords(container: ContainerSpec, objects: ObjectDirectories): StartWords {
  const environment: Record<string, string> = {};
  /** Only these are left to fill in. */
  const read: Record<string, string> = {};
  const take = (name: string, content: Buffer): void => {
    const value = textOf(name, content);
    environment[name] = value;
    read[name] = value;
  };
  for (const variable of container.environment) {
    if ("value" in variable) {
      environment[variable.name] = fillReferences(variable.value, read);
      delete read[variable.name];
    } else if ("from" in variable) {
      const content = readKey(variable.from, variable.optional, objects);
      if (content !== undefined) take(variable.name, content);
    } else {
      for (const [key, content] of readObject(variable.allOf, variable.optional, objects)) {
        const name = `${variable.prefix}${key}`;
        if (VARIABLE.test(name)) take(name, content);
      }
    }
  }
  return {
    environment,
    command: container.command.map((word) => fillReferences(word, read)),
    arguments: container.arguments.map((word) => fillReferences(word, read)),
  };
}

/** One line end at the end is the editor's, not the value's. */
function textOf(name: string, content: Buffer): string {
  const text = content.toString("utf8").replace(/\r?\n$/, "");
  if (!text.includes("\0")) return text;
  throw new ServeError("INVALID_ARGUMENT", `the variable ${name} comes from a file with a zero byte; mount the file instead`);
}
