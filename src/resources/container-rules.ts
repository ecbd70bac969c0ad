import type { FieldPath, Finding } from "./field-path.ts";
import { isGiven, isMap, listIn, textIn } from "./json-fields.ts";

/** KServe refuses these for security (pkg/validation/env_policy.go). */
const BLOCKED = ["PYTHONPATH"];
/** What a workerSpec says in fields of its own. */
const PARALLEL: Readonly<Record<string, string>> = {
  PIPELINE_PARALLEL_SIZE: "pipelineParallelSize",
  TENSOR_PARALLEL_SIZE: "tensorParallelSize",
};

/** A container's environment variable of that name. */
export function variableOf(container: unknown, name: string): { readonly index: number; readonly value: string } | undefined {
  const variables = listIn(container, "env");
  const index = variables.findIndex((variable) => textIn(variable, "name") === name);
  return index < 0 ? undefined : { index, value: textIn(variables[index], "value") ?? "" };
}

/** A variable without a value is empty, as in Kubernetes; one that is given twice has its last value. */
export function environmentOf(container: unknown): Record<string, string> {
  const variables = listIn(container, "env").filter((variable) => isMap(variable) && !isGiven(variable, "valueFrom"));
  return Object.fromEntries(variables.map((variable) => [textIn(variable, "name") ?? "", textIn(variable, "value") ?? ""]));
}

/** `path` is the container's. */
export function blockedVariables(container: unknown, path: FieldPath): Finding[] {
  return variables(container, path, BLOCKED, (name) => `${name} cannot be set, for security; remove it`);
}

/** Variables that a workerSpec beside the container replaces. */
export function parallelVariables(container: unknown, path: FieldPath): Finding[] {
  return variables(
    container,
    path,
    Object.keys(PARALLEL),
    (name) => `${name} cannot be set beside a workerSpec; use its ${PARALLEL[name]}`,
  );
}

function variables(container: unknown, path: FieldPath, names: readonly string[], message: (name: string) => string): Finding[] {
  return listIn(container, "env").flatMap((variable, index) => {
    const name = textIn(variable, "name");
    return name !== undefined && names.includes(name) ? [{ path: [...path, "env", index, "name"], message: message(name) }] : [];
  });
}
