import { ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import type { ModelSpec, ModelState, ModelStatus } from "../core/model.ts";
import type { ModelDescription } from "../core/replica.ts";
import type { Signature } from "../core/signature.ts";
import type { Scheduler } from "../scheduler/index.ts";

/** One version of a model while the server knows it: what it is, how it is, and the queue in front of it. */
export class ModelVersion {
  readonly spec: ModelSpec;
  readonly scheduler: Scheduler;
  readonly #events: Events;
  #state: ModelState = "registered";
  #reason = "waiting for its turn to load";
  description: ModelDescription | undefined;
  hostPid: number | undefined;
  memoryBytes = 0;

  constructor(spec: ModelSpec, scheduler: Scheduler, events: Events) {
    this.spec = spec;
    this.scheduler = scheduler;
    this.#events = events;
  }

  get state(): ModelState {
    return this.#state;
  }

  become(state: ModelState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** @throws ServeError UNAVAILABLE with the reason, when the model cannot answer now */
  assertReady(): void {
    if (this.#state === "ready") return;
    const retry = this.#state === "failed" || this.#state === "registered" ? {} : { retryAfter: 1 };
    throw new ServeError(
      "UNAVAILABLE",
      `Model with name ${this.spec.name} is not ready. It is ${this.#state}: ${firstLine(this.#reason)}`,
      retry,
    );
  }

  /** @throws ServeError NOT_FOUND when the model has no such method */
  method(name = "predict"): Signature {
    const methods = this.description?.methods ?? {};
    const signature = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (signature !== undefined) return signature;
    throw new ServeError(
      "NOT_FOUND",
      `model ${this.spec.name} has no method '${name}'; it has ${Object.keys(methods).join(", ") || "none"}`,
    );
  }

  status(latest: boolean): ModelStatus {
    const { namespace, name, version, format } = this.spec;
    return {
      namespace,
      name,
      version,
      format,
      state: this.#state,
      latest,
      reason: this.#reason,
      description: this.description,
      memoryBytes: this.memoryBytes,
      hostPid: this.hostPid,
    };
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}
