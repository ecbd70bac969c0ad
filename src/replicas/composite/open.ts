import { ServeError } from "../../core/errors.ts";
import type { NestedInference } from "../../core/nested-inference.ts";
import type { EnsembleIdentity } from "./plan.ts";
import { EnsembleReplica } from "./replica.ts";
import { describeSteps, StepModels } from "./step-models.ts";

/**
 * An ensemble whose models answer and fit together; it follows them from then on.
 * @throws ServeError FAILED_PRECONDITION for a model that does not answer, INVALID_ARGUMENT for one that does not fit
 */
export async function openEnsemble(
  ensemble: EnsembleIdentity & { readonly version: string },
  nested: NestedInference,
  signal: AbortSignal,
): Promise<EnsembleReplica> {
  const models = new StepModels(ensemble, await describeSteps(ensemble, nested, () => undefined, signal));
  const replica = new EnsembleReplica({ ...ensemble, nested, models });
  models.follow(nested);
  const { obstacle } = models;
  if (obstacle === undefined) return replica;
  // It has gone meanwhile.
  replica.destroy("was not opened");
  throw new ServeError("FAILED_PRECONDITION", obstacle);
}
