import type { DeviceWish } from "../core/device.ts";
import type { ModelSpec } from "../core/model.ts";
import type { InstanceGroup, ModelConfiguration } from "../core/model-configuration.ts";
import { MOST_REPLICAS, type ScalingSpec } from "../core/scaling.ts";
import { notesOf } from "./notes.ts";
import { schedulingOf } from "./scheduling-of.ts";

export type ConfiguredSpecFields = Pick<ModelSpec, "scheduling" | "scaling" | "responseCache" | "notes" | "device">;

/**
 * What a configuration says of how its model is scheduled, scaled, cached and placed. What has no effect in this server is in the notes.
 * Where `maxBatchSize` is undefined, say it again when the loaded model has completed the configuration.
 */
export function specFieldsOf(configuration: ModelConfiguration): ConfiguredSpecFields {
  const { instanceGroups, responseCache } = configuration;
  const { scheduling, notes: schedulingNotes } = schedulingOf(configuration);
  const count = instanceGroups.reduce((total, group) => total + group.count, 0);
  const device = deviceOf(instanceGroups);
  const notes = [...schedulingNotes, ...notesOf(configuration)];
  if (count > MOST_REPLICAS) notes.push(`instance_group has ${count} instances; a model has ${MOST_REPLICAS} replicas at most`);
  return {
    scheduling,
    ...(count === 0 ? {} : { scaling: fixed(Math.min(count, MOST_REPLICAS)) }),
    ...(responseCache ? { responseCache } : {}),
    ...(device === undefined ? {} : { device }),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** So many replicas, whatever there is to do; the rest is what a service has that says nothing. */
function fixed(count: number): ScalingSpec {
  return {
    least: count,
    most: count,
    metric: "concurrency",
    target: 100,
    utilization: 0.7,
    windowMs: 60_000,
    panicWindowMs: 6_000,
    panicThreshold: 2,
    scaleDownDelayMs: 0,
  };
}

/** All replicas of a model are on devices of one kind: undefined when groups say nothing, or do not agree. */
function deviceOf(groups: readonly InstanceGroup[]): DeviceWish | undefined {
  const kinds = new Set(groups.map(({ kind }) => kind));
  if (kinds.size !== 1) return undefined;
  if (kinds.has("KIND_CPU")) return { kind: "cpu" };
  if (!kinds.has("KIND_GPU")) return undefined;
  const gpus = [...new Set(groups.flatMap((group) => group.gpus))];
  const [index] = gpus;
  if (index === undefined) return { kind: "count", count: 1, asked: "instance_group { kind: KIND_GPU }" };
  if (gpus.length > 1) return { kind: "count", count: 1, asked: `instance_group { kind: KIND_GPU gpus: [${gpus.join(", ")}] }` };
  return { kind: "index", index, asked: `instance_group { kind: KIND_GPU gpus: [${index}] }` };
}
