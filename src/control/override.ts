import { ServeError } from "../core/errors.ts";
import type { ModelFormat } from "../core/formats.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { readModelConfigurationJson, specFieldsOf } from "../model-configurations/index.ts";
import { chosenVersions } from "../resources/index.ts";

/**
 * The versions of a model that has no folder of a Triton model repository, as a configuration has them.
 * @throws ServeError FAILED_PRECONDITION when it names none of them
 */
export function configured(specs: readonly ModelSpec[], configuration: ModelConfiguration): readonly ModelSpec[] {
  const versions = specs.map(({ version }) => version);
  const chosen = chosenVersions(versions, configuration.versionPolicy);
  const fields = specFieldsOf(configuration);
  const found = specs.filter(({ version }) => chosen.includes(version));
  if (found.length > 0)
    return found.map((spec) => ({
      ...spec,
      configuration: withBackend(configuration, spec.format),
      ...fields,
      scheduling: { ...spec.scheduling, ...fields.scheduling },
    }));
  throw new ServeError("FAILED_PRECONDITION", `no version is available: there are ${versions.join(", ")}, and version_policy names others`);
}

/**
 * The programs of an environment run as the server does, so whoever has brought the model says which one it is, and no client.
 * @throws ServeError PERMISSION_DENIED
 */
export async function assertOwnEnvironment(
  name: string,
  given: ModelConfiguration,
  readOwn: () => Promise<ModelConfiguration | undefined>,
): Promise<void> {
  const path = given.parameters.EXECUTION_ENV_PATH ?? "";
  if (path === "" || path === (await readOwn())?.parameters.EXECUTION_ENV_PATH) return;
  throw new ServeError(
    "PERMISSION_DENIED",
    `EXECUTION_ENV_PATH of model '${name}' is ${JSON.stringify(path)} in this load: it would run programs that a client chooses; say it in the model's own config.pbtxt`,
  );
}

/** What is printed for it names the backend too, where Triton has one for the format. */
function withBackend(configuration: ModelConfiguration, format: ModelFormat): ModelConfiguration {
  const backend = format === "onnx" ? "onnxruntime" : undefined;
  if (backend === undefined || configuration.backend !== "") return configuration;
  const { json } = configuration;
  return readModelConfigurationJson({ ...json, backend }, { file: "", name: String(json.name) });
}
