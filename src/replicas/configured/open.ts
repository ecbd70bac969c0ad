import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { ModelDescription, Replica } from "../../core/replica.ts";
import type { SchedulingSpec } from "../../core/scheduling.ts";
import type { Signature } from "../../core/signature.ts";
import { readLabels } from "./labels.ts";
import { configuredReplica } from "./replica.ts";
import { configuredSignature } from "./signature.ts";
import { type Translation, translationOf } from "./translation.ts";
import { warmUp } from "./warm-up.ts";

interface ConfiguredModel {
  /** Completed and checked; its `json` is empty where it cannot be completed. */
  readonly configuration: ModelConfiguration;
  /** It says by itself that the first dimension is rows; otherwise that is for the model to show or say. */
  readonly declaresRows: boolean;
  /** The model's, where its labels and warm-up data are. */
  readonly folder: string;
  /** What an operator should know of how it was completed. */
  readonly notes: readonly string[];
  /** As the model's own code has completed it. */
  readonly scheduling?: SchedulingSpec | undefined;
}

/**
 * A model as its configuration shows it, warmed up with the configuration's samples. Methods that do not take tensors by name stay what
 * they are, and so do all where the configuration has no inputs or outputs.
 * @param inner the model itself, with sequences around it where it has some; it is not closed when this fails
 * @throws ServeError for labels that cannot be read, and warm-up samples that fail; the signal's reason
 */
export async function openConfigured(
  inner: Replica,
  { configuration, declaresRows, folder, notes, scheduling }: ConfiguredModel,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<Replica> {
  const labels = await readLabels(configuration, folder);
  const methods: Record<string, Signature> = {};
  const translations = new Map<string, Translation>();
  for (const [name, signature] of Object.entries(inner.description.methods)) {
    if (signature.accepts !== "tensors" || configuration.inputs.length === 0 || configuration.outputs.length === 0) {
      methods[name] = signature;
      continue;
    }
    methods[name] = configuredSignature(signature, configuration, labels, declaresRows);
    const translation = translationOf(configuration, signature);
    if (translation !== undefined) translations.set(name, translation);
  }
  // A made-up example is one of the model and not of what clients see.
  const { example, ...described } = inner.description;
  const description: ModelDescription = {
    ...described,
    methods,
    ...(example === undefined || translations.size > 0 ? {} : { example }),
    ...(Object.keys(configuration.json).length === 0 ? {} : { configuration: configuration.json }),
    ...(scheduling === undefined ? {} : { scheduling }),
    warnings: [...described.warnings, ...notes],
  };
  const replica = configuredReplica(inner, description, translations);
  const passedOver = await warmUp(replica, configuration, { folder, report, signal });
  if (passedOver.length === 0) return replica;
  return configuredReplica(inner, { ...description, warnings: [...description.warnings, ...passedOver] }, translations);
}
