import { ServeError } from "../core/errors.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";

/** Names of the models that a model asks, each once; none for one that is no ensemble. */
export function stepNames(configuration: ModelConfiguration | undefined): readonly string[] {
  return [...new Set(configuration?.ensemble?.steps.map(({ modelName }) => modelName))];
}

/**
 * The models below an ensemble, each after those that it asks itself.
 * @param stepsOf the steps of a model by its name
 * @throws ServeError FAILED_PRECONDITION for an ensemble that asks itself, and whatever `stepsOf` throws
 */
export async function modelsBelow(
  name: string,
  steps: readonly string[],
  stepsOf: (name: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const below: string[] = [];
  const visit = async (chain: readonly string[], names: readonly string[]): Promise<void> => {
    for (const step of names) {
      if (chain.includes(step))
        throw new ServeError("FAILED_PRECONDITION", `circular dependency between ensembles: ${[...chain, step].join(" -> ")}`);
      if (below.includes(step)) continue;
      await visit([...chain, step], await stepsOf(step));
      below.push(step);
    }
  };
  await visit([name], steps);
  return below;
}
