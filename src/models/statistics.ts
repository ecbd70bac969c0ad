import type { BatchCut } from "../core/batch.ts";
import type { RequestRecord, Stage } from "../core/context.ts";
import type { Refusal } from "../core/errors.ts";
import type { CallStatistics, Histogram, RequestStatistics, Statistics } from "../core/statistics.ts";
import { RecentTraffic } from "./recent-traffic.ts";

/** Seconds. */
const DURATIONS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Revisions of one version of a model whose recent traffic is kept. */
const MOST_REVISIONS = 8;

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
  readonly refused: Map<Refusal, number>;
  readonly cancelled: Map<Stage, number>;
  readonly expired: Map<Stage, number>;
  retries: number;
  readonly hedges: { won: number; lost: number };
  readonly duration: Buckets;
  readonly queue: Buckets;
  readonly compute: Buckets;
  /** By revision: what its version was asked lately, whatever the protocol. Empty for what never was a version. */
  readonly recent: Map<string, RecentTraffic>;
}

interface Calls extends CallStatistics {
  readonly sizes: Buckets;
  readonly inline: Map<BatchCut, number>;
  readonly host: Map<BatchCut, number>;
}

/** Counts every request where it costs next to nothing; metrics are made of it when somebody looks. */
export function createStatistics(): Statistics {
  /** By the model's name: one string that has been hashed before, where a key made of all parts would be a new one each time. */
  const children = new Map<string, Child[]>();
  const calls = new Map<string, Calls[]>();
  const served = new Set<string>();
  const recents = new Map<string, Map<string, RecentTraffic>>();
  const refusals = new Map<string, { readonly status: number; readonly refusal: Refusal | undefined; count: number }>();

  function childOf(record: RequestRecord): Child {
    const { namespace, model, version, protocol } = record;
    let siblings = children.get(model);
    if (siblings === undefined) {
      siblings = [];
      children.set(model, siblings);
    }
    for (const child of siblings) {
      if (child.version === version && child.protocol === protocol && child.namespace === namespace) return child;
    }
    const child = newChild(record, recentOf(namespace, model, version));
    siblings.push(child);
    return child;
  }

  function recentOf(namespace: string, model: string, version: string): Map<string, RecentTraffic> {
    const key = keyOf(namespace, model, version);
    const present = recents.get(key) ?? new Map<string, RecentTraffic>();
    recents.set(key, present);
    return present;
  }

  function callsOf({ namespace, model, version }: Pick<Calls, "namespace" | "model" | "version">): Calls {
    let siblings = calls.get(model);
    if (siblings === undefined) {
      siblings = [];
      calls.set(model, siblings);
    }
    for (const entry of siblings) if (entry.version === version && entry.namespace === namespace) return entry;
    const entry = { namespace, model, version, sizes: new Buckets(BATCH_SIZES), inline: new Map(), host: new Map() };
    siblings.push(entry);
    return entry;
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
      count(child.outcomes, record.outcome);
      const durationMs = record.finishedAt - record.startedAt;
      child.duration.observe(durationMs / 1000);
      if (record.version !== "")
        trafficOf(child.recent, record.revision).note(record.finishedAt, durationMs, record.outcome === "OK", record.batchSize);
      if (record.outcome !== "OK") observeFailure(child, record);
      if (record.retries > 0) child.retries += record.retries;
      if (record.hedge !== "none") child.hedges[record.hedge]++;
      if (record.batchSize === 0) return;
      child.queue.observe(record.queueMs / 1000);
      child.compute.observe(record.computeMs / 1000);
    },
    observeBatch(call) {
      const { batch } = call;
      const entry = callsOf(call);
      entry.sizes.observe(batch.size);
      count(batch.inline ? entry.inline : entry.host, batch.cut);
    },
    observeRefusal({ status, refusal }) {
      const key = `${status} ${refusal}`;
      const entry = refusals.get(key);
      if (entry === undefined) refusals.set(key, { status, refusal, count: 1 });
      else entry.count++;
    },
    requests: () => [...children.values()].flat(),
    calls: () => [...calls.values()].flat(),
    refusals: () => refusals.values(),
    recent({ namespace, name, version }, revisions, now) {
      const recent = recents.get(keyOf(namespace, name, version));
      const all = new Set(revisions);
      return RecentTraffic.figures(
        [...all].flatMap((revision) => recent?.get(revision) ?? []),
        now,
      );
    },
  };
}

function keyOf(namespace: string, model: string, version: string): string {
  return `${namespace} ${model} ${version}`;
}

function newChild({ namespace, model, version, protocol }: RequestRecord, recent: Map<string, RecentTraffic>): Child {
  const [duration, queue, compute] = [new Buckets(DURATIONS), new Buckets(DURATIONS), new Buckets(DURATIONS)];
  const [outcomes, refused, cancelled, expired] = [new Map(), new Map(), new Map(), new Map()];
  const hedges = { won: 0, lost: 0 };
  return {
    namespace,
    model,
    version,
    protocol,
    outcomes,
    refused,
    cancelled,
    expired,
    retries: 0,
    hedges,
    duration,
    queue,
    compute,
    recent,
  };
}

function trafficOf(recent: Map<string, RecentTraffic>, revision: string): RecentTraffic {
  let traffic = recent.get(revision);
  if (traffic === undefined) {
    // Those of revisions that have gone are of no interest any more.
    if (recent.size >= MOST_REVISIONS) recent.clear();
    traffic = new RecentTraffic();
    recent.set(revision, traffic);
  }
  return traffic;
}

function observeFailure(child: Child, { outcome, refusal, stage }: RequestRecord): void {
  if (refusal !== undefined) count(child.refused, refusal);
  else if (outcome === "CANCELLED") count(child.cancelled, stage);
  else if (outcome === "DEADLINE_EXCEEDED") count(child.expired, stage);
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
