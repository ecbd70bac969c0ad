import { resolve } from "node:path";
import { ServeError } from "./core/errors.ts";
import type { ModelSpec } from "./core/model.ts";

/** How a configuration names the model's own folder. */
const MODEL_DIRECTORY = "$$TRITON_MODEL_DIRECTORY";

/**
 * Absolute path of the environment that a model's configuration names for Triton's Python backend; undefined when it names none.
 * @throws ServeError PERMISSION_DENIED for a model that nobody trusts: programs of the environment run before its host is confined
 */
export function executionEnvironment({ name, format, configuration, folder, directory, trust }: ModelSpec): string | undefined {
  const path = format === "triton-python" ? configuration?.parameters.EXECUTION_ENV_PATH : undefined;
  if (path === undefined || path === "") return undefined;
  if (trust === undefined) {
    throw new ServeError(
      "PERMISSION_DENIED",
      `EXECUTION_ENV_PATH of model '${name}', whose files came with a request, would run programs that nobody trusts; name what it needs in a requirements.txt, or serve its folder from the command line`,
    );
  }
  return resolve(path.replaceAll(MODEL_DIRECTORY, () => folder ?? resolve(directory, "..")));
}
