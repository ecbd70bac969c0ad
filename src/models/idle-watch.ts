import type { Clock } from "../core/clock.ts";
import type { ModelVersion } from "./model-version.ts";

/** Lets models go that nobody has asked for so long as their specs say. */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #isBusy: (model: ModelVersion) => boolean;
  readonly #onIdle: (model: ModelVersion, reason: string) => void;
  readonly #timers = new Map<ModelVersion, () => void>();

  constructor(clock: Clock, isBusy: (model: ModelVersion) => boolean, onIdle: (model: ModelVersion, reason: string) => void) {
    this.#clock = clock;
    this.#isBusy = isBusy;
    this.#onIdle = onIdle;
  }

  /** A replica of the model answers; that of others changes nothing. */
  add(model: ModelVersion): void {
    const idleMs = model.spec.residency?.idleMs;
    if (idleMs !== undefined && !this.#timers.has(model)) this.#arm(model, idleMs, this.#clock.now());
  }

  /** The model is on its way out. */
  delete(model: ModelVersion): void {
    this.#timers.get(model)?.();
    this.#timers.delete(model);
  }

  #arm(model: ModelVersion, idleMs: number, since: number): void {
    const cancel = this.#clock.after(Math.max(1, since + idleMs - this.#clock.now()), () => this.#look(model, idleMs, since));
    this.#timers.set(model, cancel);
  }

  #look(model: ModelVersion, idleMs: number, since: number): void {
    const now = this.#clock.now();
    const idleSince = this.#isBusy(model) ? now : Math.max(since, model.usage.usedAt ?? since);
    if (now - idleSince < idleMs) {
      this.#arm(model, idleMs, idleSince);
      return;
    }
    this.#timers.delete(model);
    this.#onIdle(model, `nobody has asked for it for ${idleMs / 1000} s`);
  }
}
