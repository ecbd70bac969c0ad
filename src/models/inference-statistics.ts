import { performance } from "node:perf_hooks";
import type { RequestRecord } from "../core/context.ts";
import type { FailureReason, InferenceStatistics, ModelStatistics, Spent } from "../core/inference-statistics.ts";

class Sum implements Spent {
  count = 0;
  ms = 0;

  add(ms: number, count = 1): void {
    this.count += count;
    // Clocks are read in several processes, and a stage that took nothing must not take time back.
    if (ms > 0) this.ms += ms;
  }
}

class Version {
  readonly namespace: string;
  readonly model: string;
  readonly version: string;
  lastInference = 0;
  inferences = 0;
  executions = 0;
  readonly success = new Sum();
  readonly fail = new Sum();
  readonly failures = new Map<FailureReason, number>();
  readonly queue = new Sum();
  readonly computeInput = new Sum();
  readonly computeInfer = new Sum();
  readonly computeOutput = new Sum();
  readonly cacheHit = new Sum();
  readonly cacheMiss = new Sum();
  readonly byRows = new Map<number, Sum>();

  constructor({ namespace, model, version }: Pick<ModelStatistics, "namespace" | "model" | "version">) {
    this.namespace = namespace;
    this.model = model;
    this.version = version;
  }

  snapshot(): ModelStatistics {
    const { byRows, ...rest } = this;
    const batches = [...byRows].sort(([one], [other]) => one - other).map(([rows, infer]) => ({ rows, infer }));
    return { ...rest, batches };
  }
}

/** @param wallClock milliseconds since 1970 at clock millisecond 0 */
export function createInferenceStatistics(wallClock: number = performance.timeOrigin): InferenceStatistics {
  /** By the model's name: one string that has been hashed before. */
  const versions = new Map<string, Version[]>();

  function find({ namespace, model, version }: Pick<ModelStatistics, "namespace" | "model" | "version">): Version | undefined {
    return versions.get(model)?.find((each) => each.version === version && each.namespace === namespace);
  }

  function versionOf(identity: Pick<ModelStatistics, "namespace" | "model" | "version">): Version {
    const present = find(identity);
    if (present !== undefined) return present;
    const added = new Version(identity);
    const siblings = versions.get(identity.model);
    if (siblings === undefined) versions.set(identity.model, [added]);
    else siblings.push(added);
    return added;
  }

  return {
    observe(record) {
      if (record.version === "") return;
      const of = versionOf(record);
      const total = record.finishedAt - record.startedAt;
      if (record.outcome !== "OK") {
        const reason = reasonOf(record);
        of.fail.add(total);
        of.failures.set(reason, (of.failures.get(reason) ?? 0) + 1);
        return;
      }
      of.success.add(total);
      of.queue.add(record.queueMs);
      if (record.cache === "hit") {
        of.cacheHit.add(total);
        return;
      }
      if (record.cache === "miss") of.cacheMiss.add(total - record.computeMs - record.queueMs);
      // What never entered a queue has all of it before the model.
      const input = record.queuedAt === 0 ? 0 : record.queuedAt - record.startedAt;
      of.computeInput.add(input);
      of.computeInfer.add(record.computeMs);
      of.computeOutput.add(total - input - record.queueMs - record.computeMs);
      of.lastInference = Math.max(of.lastInference, Math.round(wallClock + record.startedAt));
      // Streams are no batches.
      if (!record.streamed) return;
      of.inferences++;
      of.executions++;
    },
    observeBatch(call) {
      const { batch } = call;
      const of = versionOf(call);
      // A call whose tensors have no rows is a call all the same.
      const rows = Math.max(1, batch.rows);
      of.executions++;
      of.inferences += rows - (batch.failedRows ?? 0);
      let sum = of.byRows.get(rows);
      if (sum === undefined) {
        sum = new Sum();
        of.byRows.set(rows, sum);
      }
      sum.add(batch.computeMs);
    },
    all: () => [...versions.values()].flat().map((each) => each.snapshot()),
    of: (identity) => (find(identity) ?? new Version(identity)).snapshot(),
  };
}

function reasonOf({ outcome, refusal }: RequestRecord): FailureReason {
  if (outcome === "CANCELLED") return "CANCELED";
  if (refusal !== undefined || outcome === "RESOURCE_EXHAUSTED" || outcome === "DEADLINE_EXCEEDED") return "REJECTED";
  return outcome === "INVALID_ARGUMENT" || outcome === "NOT_FOUND" || outcome === "UNIMPLEMENTED" ? "OTHER" : "BACKEND";
}
