import type { Clock } from "../../core/clock.ts";
import type { ScalingSpec } from "../../core/scaling.ts";
import { LoadWindow } from "./load-window.ts";
import { type Decision, decide, type Memory, NO_MEMORY } from "./policy.ts";

/** A model whose replicas follow its load. */
export interface Scalable {
  readonly spec: ScalingSpec;
  /** Requests that wait or run now. */
  inFlight(): number;
  /** Requests that have come since the server began. */
  arrivals(): number;
  /** Replicas that answer. */
  ready(): number;
  /** Replicas that there should be. */
  wanted(): number;
  /** Told of each decision that changes this. */
  scale(wanted: number, mode: Decision["mode"], reason: string): void;
}

interface Attended {
  readonly model: Scalable;
  readonly window: LoadWindow;
  arrivals: number;
  lookedAt: number;
  memory: Memory;
}

/** Milliseconds between two looks at how many requests there are: the metric is the average of what is seen. */
const LOOK_MS = 100;
/** Looks for one decision: every two seconds, as Knative's autoscaler decides. */
const LOOKS_PER_DECISION = 20;
const LARGEST_BUCKET_MS = 1_000;

/** Follows the load of models, all with one timer, which runs as long as there are any. */
export class Autoscaler {
  readonly #clock: Clock;
  readonly #attended = new Map<object, Attended>();
  #looks = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on the model is scaled; what was before does not count. One that is already is not begun again. */
  attend(key: object, model: Scalable): void {
    if (this.#attended.has(key)) return;
    const { windowMs, panicWindowMs } = model.spec;
    const bucketMs = Math.min(LARGEST_BUCKET_MS, Math.max(LOOK_MS, panicWindowMs / 6));
    const lookedAt = this.#clock.now();
    const window = new LoadWindow(windowMs, bucketMs);
    this.#attended.set(key, { model, window, arrivals: model.arrivals(), lookedAt, memory: NO_MEMORY });
    this.#arm();
  }

  leave(key: object): void {
    this.#attended.delete(key);
    if (this.#attended.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#attended.size === 0) return;
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      this.#cancel = undefined;
      this.#look();
      this.#arm();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    for (const attended of this.#attended.values()) note(attended, now);
    this.#looks = (this.#looks + 1) % LOOKS_PER_DECISION;
    if (this.#looks !== 0) return;
    for (const attended of [...this.#attended.values()]) step(attended, now);
  }
}

function note(attended: Attended, now: number): void {
  const { model, window, arrivals, lookedAt } = attended;
  attended.arrivals = model.arrivals();
  attended.lookedAt = now;
  const seconds = Math.max(1, now - lookedAt) / 1000;
  window.add(model.spec.metric === "rps" ? (attended.arrivals - arrivals) / seconds : model.inFlight(), now);
}

function step(attended: Attended, now: number): void {
  const { model, window } = attended;
  const { spec } = model;
  const load = window.average(spec.windowMs, now);
  const recentLoad = window.average(spec.panicWindowMs, now);
  const before = model.wanted();
  const ready = model.ready();
  const { wanted, mode, memory } = decide(spec, { now, load, recentLoad, ready, wanted: before }, attended.memory);
  attended.memory = memory;
  if (wanted === before) return;
  const perReplica = (mode === "panic" ? recentLoad : load) / Math.max(1, ready);
  const part = spec.utilization === 1 ? "" : ` of which ${round(spec.utilization * 100)} % is aimed at`;
  model.scale(wanted, mode, `${spec.metric} ${round(perReplica)} per replica, target ${round(spec.target)}${part}`);
}

/** For people. */
function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
