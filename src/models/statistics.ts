import type { RequestRecord, Stage } from "../core/context.ts";
import type { Histogram, RequestStatistics, Statistics } from "../core/statistics.ts";

/** Seconds. */
const DURATIONS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

class Buckets implements Histogram {
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.bounds.length && value > (this.bounds[index] as number)) index++;
    this.counts[index] = (this.counts[index] as number) + 1;
    this.sum += value;
  }
}

interface Child extends RequestStatistics {
  readonly outcomes: Map<string, number>;
  readonly cancelled: Map<Stage, number>;
  readonly duration: Buckets;
  readonly queue: Buckets;
  readonly compute: Buckets;
}

/** Counts every request where it costs next to nothing; metrics are made of it when somebody looks. */
export function createStatistics(): Statistics {
  /** By the model's name: one string that has been hashed before, where a key made of all four parts would be a new one each time. */
  const children = new Map<string, Child[]>();
  const served = new Set<string>();
  const sizes = new Map<string, { namespace: string; model: string; version: string; sizes: Buckets }>();

  function childOf({ namespace, model, version, protocol }: RequestRecord): Child {
    let siblings = children.get(model);
    if (siblings === undefined) {
      siblings = [];
      children.set(model, siblings);
    }
    for (const child of siblings) {
      if (child.version === version && child.protocol === protocol && child.namespace === namespace) return child;
    }
    const [duration, queue, compute] = [new Buckets(DURATIONS), new Buckets(DURATIONS), new Buckets(DURATIONS)];
    const child = { namespace, model, version, protocol, outcomes: new Map(), cancelled: new Map(), duration, queue, compute };
    siblings.push(child);
    return child;
  }

  let inFlight = 0;
  return {
    begin() {
      inFlight++;
    },
    get inFlight() {
      return inFlight;
    },
    observe(record) {
      inFlight--;
      // Without a version the request ended before its model was found. A name that never had one may be the client's invention:
      // those are counted together, or anybody could make metrics grow.
      if (record.version !== "") served.add(record.model);
      const child = childOf(record.version === "" && !served.has(record.model) ? { ...record, model: "" } : record);
      child.outcomes.set(record.outcome, (child.outcomes.get(record.outcome) ?? 0) + 1);
      if (record.outcome === "CANCELLED") child.cancelled.set(record.stage, (child.cancelled.get(record.stage) ?? 0) + 1);
      child.duration.observe((record.finishedAt - record.startedAt) / 1000);
      if (record.batchSize === 0) return;
      child.queue.observe(record.queueMs / 1000);
      child.compute.observe(record.computeMs / 1000);
    },
    observeBatch({ namespace, model, version, size }) {
      const key = `${namespace} ${model} ${version}`;
      let entry = sizes.get(key);
      if (entry === undefined) {
        entry = { namespace, model, version, sizes: new Buckets(BATCH_SIZES) };
        sizes.set(key, entry);
      }
      entry.sizes.observe(size);
    },
    requests: () => [...children.values()].flat(),
    batchSizes: () => sizes.values(),
  };
}
