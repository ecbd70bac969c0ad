import type { DynamicBatching, InstanceGroup, ModelConfiguration, QueuePolicy, SequenceBatching } from "../core/model-configuration.ts";
import type { Priority, QueueRules, SchedulingSpec } from "../core/scheduling.ts";
import type { Datatype } from "../core/tensor.ts";
import { ONNXRUNTIME } from "./backends.ts";
import { priorityOfLevel } from "./priority-levels.ts";

/** Positive integers of a datatype have so many. */
const ID_BITS: Partial<Record<Datatype, number>> = { INT32: 31, UINT32: 32, INT64: 63 };

interface SchedulingWithNotes {
  readonly scheduling: SchedulingSpec;
  readonly notes: readonly string[];
}

/**
 * How Triton's schedulers are this server's: without a batcher no two requests share a call; a sequence batcher shares a call among
 * sequences; instances hold resources of the rate limiter while they execute.
 */
export function schedulingOf(configuration: ModelConfiguration): SchedulingWithNotes {
  const { maxBatchSize, dynamicBatching, sequenceBatching, ensemble, instanceGroups } = configuration;
  // An ensemble's steps have queues of their own.
  if (ensemble !== undefined) return { scheduling: {}, notes: [] };
  const limited = rateLimitOf(instanceGroups);
  if (sequenceBatching !== undefined) {
    const { strategy, idleMs, iterative } = sequenceBatching;
    const rows = Math.max(1, maxBatchSize ?? 1);
    return {
      scheduling: {
        maxBatchRows: rows,
        sequences: {
          strategy: strategy.kind,
          perReplica: strategy.kind === "direct" ? rows : strategy.maxCandidateSequences,
          idleMs,
          maxDelayMs: strategy.maxQueueDelayMs,
          ...(iterative ? { iterative, idBits: idBitsOf(sequenceBatching) } : {}),
          ...(strategy.kind === "direct"
            ? { minimumSlotUtilization: strategy.minimumSlotUtilization }
            : { preferredSizes: ascending(strategy.preferredBatchSizes) }),
        },
        ...(strategy.kind === "oldest" && strategy.preserveOrdering ? { preserveOrder: true } : {}),
        ...limited.scheduling,
      },
      notes: limited.notes,
    };
  }
  if (dynamicBatching === undefined) {
    return { scheduling: { ...unbatched(configuration), ...limited.scheduling }, notes: limited.notes };
  }
  const batching = batchingOf(dynamicBatching, maxBatchSize);
  return { scheduling: { ...limited.scheduling, ...batching.scheduling }, notes: [...limited.notes, ...batching.notes] };
}

/** Of the model's inputs for the id the one that holds least decides; a text holds any. */
function idBitsOf({ controls }: SequenceBatching): number {
  return Math.min(64, ...controls.map(({ kind, datatype }) => (kind === "correlation-id" ? (ID_BITS[datatype] ?? 64) : 64)));
}

/** Whether a model has a batcher may be known only when it is loaded. */
function unbatched({ backend, maxBatchSize, inputs, outputs }: ModelConfiguration): SchedulingSpec {
  if (maxBatchSize === undefined) return {};
  // Triton's ONNX backend gives one to a model whose tensors it completes, and so does this server to what a load says little of.
  const isCompleted = (backend === ONNXRUNTIME || backend === "") && (inputs.length === 0 || outputs.length === 0);
  return { maxBatchRows: isCompleted ? Math.max(1, maxBatchSize) : 1 };
}

function batchingOf(batching: DynamicBatching, maxBatchSize: number | undefined): SchedulingWithNotes {
  const { preferredBatchSizes, maxQueueDelayMs, preserveOrdering, priorityLevels, defaultPriorityLevel } = batching;
  const notes: string[] = [];
  // The largest size alone is what a batch grows to anyway.
  const preferred = ascending(preferredBatchSizes).filter((size, _, sizes) => sizes.length > 1 || size !== maxBatchSize);
  const byPriority: Partial<Record<Priority, QueueRules>> = {};
  for (const [level, policy] of Object.entries(priorityLevels === 0 ? {} : batching.priorityQueuePolicy)) {
    const priority = priorityOfLevel(Number(level), priorityLevels);
    if (byPriority[priority] === undefined) byPriority[priority] = rulesOf(policy);
    else
      notes.push(`dynamic_batching.priority_queue_policy of level ${level} has no effect: it shares a priority with the level before it`);
  }
  if (priorityLevels > 5) {
    notes.push(
      `dynamic_batching.priority_levels: ${priorityLevels} levels share the 5 priorities of this server, neighbours with each other`,
    );
  }
  return {
    scheduling: {
      ...(maxBatchSize === undefined ? {} : { maxBatchRows: Math.max(1, maxBatchSize) }),
      ...(preferred.length === 0 ? {} : { preferredBatchRows: preferred }),
      ...(maxQueueDelayMs > 0 ? { maxBatchLatencyMs: maxQueueDelayMs } : {}),
      ...(preserveOrdering ? { preserveOrder: true } : {}),
      ...(priorityLevels === 0 ? {} : { priority: priorityOfLevel(defaultPriorityLevel, priorityLevels) }),
      ...rulesOf(batching.defaultQueuePolicy),
      ...(Object.keys(byPriority).length === 0 ? {} : { byPriority }),
    },
    notes,
  };
}

function rulesOf({ timeoutAction, defaultTimeoutMs, allowTimeoutOverride, maxQueueSize }: QueuePolicy): QueueRules {
  return {
    // Only of a time that is said clients may not say another.
    ...(defaultTimeoutMs > 0 ? { maxWaitMs: defaultTimeoutMs, ...(allowTimeoutOverride ? {} : { fixedTimeout: true }) } : {}),
    ...(timeoutAction === "DELAY" ? { lateRequestsWait: true } : {}),
    ...(maxQueueSize > 0 ? { maxQueueRequests: maxQueueSize } : {}),
  };
}

/** All replicas are alike here, so the largest number of each resource holds for every one of them. */
function rateLimitOf(groups: readonly InstanceGroup[]): SchedulingWithNotes {
  const resources = new Map<string, number>();
  for (const group of groups) {
    for (const [name, count] of Object.entries(group.resources)) resources.set(name, Math.max(count, resources.get(name) ?? 0));
  }
  const priority = Math.max(0, ...groups.map((group) => group.priority));
  const differ = groups.some((group) => [...resources].some(([name, count]) => (group.resources[name] ?? 0) !== count));
  return {
    scheduling: {
      ...(resources.size === 0 ? {} : { resources: Object.fromEntries(resources) }),
      ...(resources.size === 0 ? {} : { resourcePriority: Math.max(1, priority) }),
    },
    notes: differ ? ["instance_group.rate_limiter: every replica holds the largest number of each resource that a group says"] : [],
  };
}

function ascending(sizes: readonly number[]): readonly number[] {
  return [...new Set(sizes)].sort((one, other) => one - other);
}
