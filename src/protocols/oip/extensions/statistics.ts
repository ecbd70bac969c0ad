import { ServeError } from "../../../core/errors.ts";
import type { Target } from "../../../core/inference.ts";
import type { InferenceStatistics, Spent } from "../../../core/inference-statistics.ts";
import type { ModelStatus } from "../../../core/model.ts";
import type { ControlPlane } from "../../../core/planes.ts";

/** `count` and nanoseconds. */
export interface StatisticDuration {
  readonly count: number;
  readonly ns: number;
}

/** One version in the words of Triton's statistics extension, the same over REST and gRPC. */
export interface ModelStatisticsRow {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<(typeof STAGES)[number], StatisticDuration>>;
  /** Of models that answer with streams; this server does not tell their answers apart. */
  readonly response_stats: Readonly<Record<string, never>>;
  readonly batch_stats: ReadonlyArray<{
    readonly batch_size: number;
    readonly compute_input: StatisticDuration;
    readonly compute_infer: StatisticDuration;
    readonly compute_output: StatisticDuration;
  }>;
  readonly memory_usage: ReadonlyArray<{ readonly type: "CPU"; readonly id: number; readonly byte_size: number }>;
}

const STAGES = ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"] as const;

/**
 * Statistics of every version that answers: of one model, of one version, or of all of a namespace without `target.name`.
 * @throws ServeError NOT_FOUND, and INVALID_ARGUMENT for a model or version that does not answer, in Triton's words
 */
export function modelStatistics(
  controlPlane: Pick<ControlPlane, "list" | "versions">,
  statistics: InferenceStatistics,
  { namespace, name, version }: Partial<Target> & Pick<Target, "namespace">,
): ModelStatisticsRow[] {
  if (name === undefined) {
    return controlPlane.list().flatMap((status) => (status.namespace === namespace && status.answers ? [rowOf(status, statistics)] : []));
  }
  const answering = versionsOf(controlPlane, { namespace, name }).filter(({ answers }) => answers);
  if (answering.length === 0) throw new ServeError("INVALID_ARGUMENT", `requested model '${name}' is not available`);
  const wanted = answering.filter((status) => version === undefined || status.version === version);
  if (wanted.length === 0) throw new ServeError("INVALID_ARGUMENT", `requested model version is not available for model '${name}'`);
  return wanted.map((status) => rowOf(status, statistics));
}

/** @throws ServeError NOT_FOUND, and INVALID_ARGUMENT with the reason for a model that has no versions yet */
function versionsOf(controlPlane: Pick<ControlPlane, "versions">, target: Target): readonly ModelStatus[] {
  try {
    return controlPlane.versions(target);
  } catch (error) {
    if (!(error instanceof ServeError) || error.refusal !== "not_ready") throw error;
    throw new ServeError("INVALID_ARGUMENT", `requested model '${target.name}' is not available. ${error.message}`, { cause: error });
  }
}

function rowOf({ namespace, name, version, memoryBytes }: ModelStatus, statistics: InferenceStatistics): ModelStatisticsRow {
  const of = statistics.of({ namespace, model: name, version });
  return {
    name,
    version,
    last_inference: of.lastInference,
    inference_count: of.inferences,
    execution_count: of.executions,
    inference_stats: {
      success: durationOf(of.success),
      fail: durationOf(of.fail),
      queue: durationOf(of.queue),
      compute_input: durationOf(of.computeInput),
      compute_infer: durationOf(of.computeInfer),
      compute_output: durationOf(of.computeOutput),
      cache_hit: durationOf(of.cacheHit),
      cache_miss: durationOf(of.cacheMiss),
    },
    response_stats: {},
    batch_stats: of.batches.map(({ rows, infer }) => ({
      batch_size: rows,
      // Requests that share a call are read and answered one by one: their share is in inference_stats.
      compute_input: { count: infer.count, ns: 0 },
      compute_infer: durationOf(infer),
      compute_output: { count: infer.count, ns: 0 },
    })),
    memory_usage: memoryBytes === 0 ? [] : [{ type: "CPU", id: 0, byte_size: Math.round(memoryBytes) }],
  };
}

function durationOf({ count, ms }: Spent): StatisticDuration {
  return { count, ns: Math.round(ms * 1e6) };
}
