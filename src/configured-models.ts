import { dirname } from "node:path";
import type { ModelFormat } from "./core/formats.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ModelConfiguration } from "./core/model-configuration.ts";
import { defaultMethodOf, type Replica } from "./core/replica.ts";
import type { SchedulingSpec } from "./core/scheduling.ts";
import { completeConfiguration, completedScheduling, readModelConfigurationJson } from "./model-configurations/index.ts";
import type { LoaderSteps } from "./models/index.ts";
import { sessionParametersOf } from "./onnx-session-parameters.ts";
import { checkAgainstGraph, completionOf, createSequenceReplica, openConfigured, refuseUnsupported } from "./replicas/index.ts";

/** Formats whose models say whether requests share their calls. */
const SAY_IT_THEMSELVES: readonly ModelFormat[] = ["triton-python", "ensemble"];
const UNPROVEN =
  "its rows could not be shown to have the same answers together and apart; they share calls because its configuration has dynamic_batching";

/**
 * Models that have a configuration are completed, checked and shown as it says, with sequences where it has some; all others as `steps` say.
 */
export function withConfiguredModels(steps: LoaderSteps): LoaderSteps {
  /** What the inner steps are asked for: they know their models by identity. */
  const asked = new WeakMap<ModelSpec, ModelSpec>();
  return {
    async prepare(spec, report, signal) {
      if (spec.configuration === undefined) return await steps.prepare(spec, report, signal);
      refuseUnsupported(spec.configuration, spec.format === "triton-python");
      const own = withSessionSettings(spec, spec.configuration);
      asked.set(spec, own);
      return await steps.prepare(own, report, signal);
    },
    start: (host) => steps.start(host),
    async connect(endpoint, signal) {
      const connected = await steps.connect(endpoint, signal);
      return {
        async warm(place, spec, report, loadSignal) {
          const { configuration } = spec;
          const inner = await connected.warm(place, asked.get(spec) ?? spec, report, loadSignal);
          if (configuration === undefined) return inner;
          try {
            return await opened(inner, spec, configuration, report, loadSignal);
          } catch (error) {
            // Others may share its host.
            void inner.close().catch(() => undefined);
            throw error;
          }
        },
      };
    },
  };
}

function withSessionSettings(spec: ModelSpec, configuration: ModelConfiguration): ModelSpec {
  if (spec.format !== "onnx") return spec;
  const { settings, notes } = sessionParametersOf(configuration);
  return { ...spec, settings: { ...settings, ...spec.settings }, notes: [...(spec.notes ?? []), ...notes] };
}

async function opened(
  inner: Replica,
  spec: ModelSpec,
  given: ModelConfiguration,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<Replica> {
  const folder = spec.folder ?? dirname(spec.directory);
  const { configuration, notes, scheduling } = completed(inner, spec, given);
  const { sequenceBatching, maxBatchSize = 0, outputs } = configuration;
  const model =
    sequenceBatching === undefined ? inner : await createSequenceReplica(inner, { maxBatchSize, sequenceBatching, outputs }, folder);
  const declaresRows = sequenceBatching === undefined && !SAY_IT_THEMSELVES.includes(spec.format) && (given.maxBatchSize ?? 0) > 0;
  const isProven = inner.description.methods[defaultMethodOf(inner.description) ?? ""]?.batchable === true;
  const doubts = declaresRows && given.dynamicBatching !== undefined && !isProven ? [UNPROVEN] : [];
  const shown = { configuration, declaresRows, folder, notes: [...notes, ...doubts], scheduling };
  return await openConfigured(model, shown, report, signal);
}

/** What is not said is the model's to say. @throws ServeError INVALID_ARGUMENT where the two contradict each other */
function completed(
  { description }: Replica,
  { name, format, scheduling }: ModelSpec,
  given: ModelConfiguration,
): { readonly configuration: ModelConfiguration; readonly notes: readonly string[]; readonly scheduling?: SchedulingSpec } {
  if (description.configuration !== undefined) {
    // Code of the model's own has completed it.
    const configuration = readModelConfigurationJson(description.configuration, { file: "", name, complete: true });
    return { configuration, notes: [], ...completedScheduling(given, configuration, scheduling) };
  }
  const graph = description.methods[defaultMethodOf(description) ?? ""];
  if (format !== "onnx" || graph === undefined) {
    const isWhole = given.inputs.length > 0 && given.outputs.length > 0;
    // Nobody knows how another framework's model would be completed; what it says of itself is shown instead.
    return { configuration: isWhole ? completeConfiguration(given, {}) : { ...given, json: {} }, notes: [] };
  }
  const completion = { ...completionOf(given, graph, name), ...(given.backend === "" ? { backend: "onnxruntime" } : {}) };
  const configuration = completeConfiguration(given, completion);
  checkAgainstGraph(configuration, graph, name);
  const isLimited = (given.maxBatchSize ?? 0) === 0 && (configuration.maxBatchSize ?? 0) > 0;
  const note = `its max_batch_size was not said, so it is ${configuration.maxBatchSize}, as in Triton; say it in config.pbtxt for larger requests`;
  return { configuration, notes: isLimited ? [note] : [] };
}
