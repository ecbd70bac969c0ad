import { ServeError } from "../../core/errors.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { PlannedStep } from "./plan.ts";

/** The last decoupled step before a tensor, by its index; undefined before any. */
type Source = number | undefined;

/**
 * What comes once for each answer of one decoupled step cannot meet what comes for each answer of another one, or only once.
 * @throws ServeError INVALID_ARGUMENT where such tensors meet in a step or in the answer, and for a tensor that nothing writes
 */
export function checkFlow(
  ensemble: string,
  steps: readonly PlannedStep[],
  { inputs, outputs }: Pick<ModelConfiguration, "inputs" | "outputs">,
): void {
  const sources = new Map<string, Source>(inputs.map(({ name }) => [name, undefined]));
  let open = steps;
  for (let before = steps.length + 1; open.length > 0 && open.length < before; ) {
    before = open.length;
    open = open.filter((step) => {
      if (!step.inputs.every(({ tensor }) => sources.has(tensor))) return true;
      const found = step.inputs.map(({ tensor }) => sources.get(tensor));
      const source = commonSource(
        found,
        `in ensemble '${ensemble}', ${step.title}, receives inputs originated from different decoupled models`,
      );
      for (const { tensor } of step.outputs) sources.set(tensor, step.streams ? step.index : source);
      return false;
    });
  }
  const [stuck] = open;
  if (stuck !== undefined) {
    const missing = stuck.inputs.find(({ tensor }) => !sources.has(tensor))?.tensor;
    throw new ServeError(
      "INVALID_ARGUMENT",
      `in ensemble '${ensemble}', ${stuck.title}, needs the tensor '${missing}', which is not written`,
    );
  }
  const unwritten = outputs.find(({ name }) => !sources.has(name));
  if (unwritten !== undefined)
    throw new ServeError("INVALID_ARGUMENT", `output '${unwritten.name}' for ensemble '${ensemble}' is not written`);
  const answered = outputs.map(({ name }) => sources.get(name));
  commonSource(answered, `in ensemble '${ensemble}', the outputs originate from different decoupled models`);
}

function commonSource(sources: readonly Source[], otherwise: string): Source {
  const [first, ...others] = sources;
  if (others.every((source) => source === first)) return first;
  throw new ServeError("INVALID_ARGUMENT", otherwise);
}
