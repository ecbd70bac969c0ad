import type { EnvironmentVariable } from "../core/container.ts";

/** Undefined for a whole object, whose names are known when it is read. */
export function nameOf(variable: EnvironmentVariable): string | undefined {
  return "name" in variable ? variable.name : undefined;
}
