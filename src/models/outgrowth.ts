import type { Clock } from "../core/clock.ts";
import { mebibytes } from "./mebibytes.ts";
import type { Running } from "./member.ts";
import type { ModelVersion } from "./model-version.ts";

/** A host may grow by so much in any case: small ones would flap. */
const FLOOR_BYTES = 512 * 2 ** 20;
/** A model whose hosts outgrow what was reserved for them twice within so long is refused. Milliseconds. */
const AGAIN_MS = 600_000;

export interface Outgrown {
  readonly model: ModelVersion;
  /** The first time its replica is exchanged; the second time the model is refused. */
  readonly action: "restart" | "refuse";
  /** With the arithmetic. */
  readonly reason: string;
}

/** Notices hosts that use much more than they did when their models had been loaded: most of them leak. */
export class Outgrowth {
  readonly #clock: Clock;
  readonly #factor: number;
  /** Those that are on their way out already. */
  readonly #noticed = new WeakSet<Running>();
  readonly #last = new WeakMap<ModelVersion, number>();

  /** @param factor times what was reserved that a host may use */
  constructor(clock: Clock, factor: number) {
    this.#clock = clock;
    this.#factor = factor;
  }

  /**
   * What is to be done about the models of a host that uses so much. Several that share one are all told: whose memory it is nobody
   * knows. Empty when all is well, and when it has been told before.
   */
  judge(sharers: readonly Running[], bytes: number): readonly Outgrown[] {
    const reserved = sharers.reduce((sum, { reservedBytes }) => sum + reservedBytes, 0);
    const allowed = Math.max(reserved * this.#factor, reserved + FLOOR_BYTES);
    if (bytes <= allowed || sharers.some((running) => this.#noticed.has(running))) return [];
    return sharers.map((running) => {
      this.#noticed.add(running);
      const { model } = running;
      const last = this.#last.get(model);
      const now = this.#clock.now();
      this.#last.set(model, now);
      const isAgain = last !== undefined && now - last < AGAIN_MS;
      const much = `its host uses ${mebibytes(bytes)}, and ${mebibytes(reserved)} were reserved when it had been loaded`;
      const more = `that is more than --outgrow-factor allows (${mebibytes(allowed)})`;
      if (!isAgain) return { model, action: "restart", reason: `${much}; ${more}` };
      const times = `for the second time within ${AGAIN_MS / 60_000} minutes`;
      return { model, action: "refuse", reason: `${much}; ${more}, ${times}: see whether it leaks, or raise --outgrow-factor` };
    });
  }
}
