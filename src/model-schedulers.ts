import type { Clock } from "./core/clock.ts";
import type { Events } from "./core/events.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ExecutionLimits, SchedulingSpec } from "./core/scheduling.ts";
import { type BatchPolicy, ExecutionResources, Scheduler } from "./scheduler/index.ts";
import type { Settings } from "./settings.ts";

const MAX_BATCH_BYTES = 64 * 1024 * 1024;

export interface ModelSchedulersOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly events: Events;
  /** How batches form; by default a batch is what queued while the replicas were busy. */
  readonly batchPolicy: BatchPolicy | undefined;
}

/** Makes the queue of each model version; all of them share the machine's named resources. */
export function modelSchedulers({ settings, clock, events, batchPolicy }: ModelSchedulersOptions): (spec: ModelSpec) => Scheduler {
  const resources = new ExecutionResources(settings["execution-limits"], clock.now);
  return ({ namespace, name, version, scheduling = {}, configuration }) => {
    const rules = configuration === undefined ? scheduling : withKnownResources(scheduling, settings["execution-limits"]);
    return new Scheduler({
      clock,
      name: `${namespace}/${name}`,
      modelName: name,
      rules,
      resources,
      ...(batchPolicy === undefined ? {} : { policy: batchPolicy }),
      queueLimits: {
        maxRequests: settings["max-queue-requests"],
        maxBytes: settings["max-queue-bytes"],
        maxStreams: settings["max-streams"],
      },
      batchLimits: {
        maxRows: rules.maxBatchRows ?? settings["max-batch-rows"],
        maxBytes: MAX_BATCH_BYTES,
        ...(rules.preferredBatchRows === undefined ? {} : { preferredRows: rules.preferredBatchRows }),
        ...(rules.maxBatchLatencyMs === undefined ? {} : { maxAddedMs: rules.maxBatchLatencyMs }),
      },
      onBatch: (batch) => events.emit("batch-finished", { namespace, model: name, version, batch }),
    });
  };
}

/** As in Triton, what a config.pbtxt says of resources counts where the machine's owner has said how much there is of them. */
function withKnownResources({ resources = {}, ...others }: SchedulingSpec, limits: ExecutionLimits): SchedulingSpec {
  const known = Object.entries(resources).filter(([name]) => Object.hasOwn(limits, name));
  return known.length === 0 ? others : { ...others, resources: Object.fromEntries(known) };
}
