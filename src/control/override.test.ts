import { expect, it } from "vitest";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { readModelConfigurationJson } from "../model-configurations/index.ts";
import { assertOwnEnvironment } from "./override.ts";

function configuration(path?: string): ModelConfiguration {
  const parameters = path === undefined ? {} : { EXECUTION_ENV_PATH: { string_value: path } };
  return readModelConfigurationJson({ backend: "python", max_batch_size: 0, parameters }, { file: "", name: "m" });
}

it("lets a load name the environment that the model's own configuration names, and no other one", async () => {
  const own = configuration("/srv/env.tar.gz");
  const asserted = (given: ModelConfiguration, present: ModelConfiguration | undefined): Promise<void> =>
    assertOwnEnvironment("m", given, () => Promise.resolve(present));
  await expect(asserted(configuration(), own)).resolves.toBeUndefined();
  await expect(asserted(configuration("/srv/env.tar.gz"), own)).resolves.toBeUndefined();
  for (const present of [own, configuration(), undefined]) {
    await expect(asserted(configuration("/home/other/env"), present)).rejects.toThrow(
      `EXECUTION_ENV_PATH of model 'm' is "/home/other/env" in this load`,
    );
  }
});
