import type { Clock } from "../../core/clock.ts";
import type { Probe } from "../../core/container.ts";
import { type ProbeKind, type Probes, ServerHealth } from "./server-health.ts";

export interface ServerProbesOptions {
  readonly probes: Probes;
  readonly clock: Clock;
  /** Makes one probe; settles with what came of it that was not a success. */
  readonly attempt: (probe: Probe, signal: AbortSignal) => Promise<string | undefined>;
  /** Something has come of a probe. */
  readonly onObserved: () => void;
}

/** Probes a server from its start on until it is told to stop, or the server is to end. */
export class ServerProbes {
  readonly health: ServerHealth;
  readonly #options: ServerProbesOptions;
  readonly #stopping = new AbortController();

  constructor(options: ServerProbesOptions) {
    this.#options = options;
    this.health = new ServerHealth(options.probes, options.clock.now());
    if (this.health.started) this.#beginOthers();
    else void this.#keep("startup");
  }

  stop(): void {
    this.#stopping.abort();
  }

  #beginOthers(): void {
    void this.#keep("readiness");
    void this.#keep("liveness");
  }

  /** One after the other, never two of a kind at once. */
  async #keep(kind: ProbeKind): Promise<void> {
    const { probes, clock, onObserved } = this.#options;
    const probe = probes[kind];
    if (probe === undefined) return;
    await this.#pause(this.health.firstAt(kind) - clock.now());
    while (!this.#stopping.signal.aborted && this.health.dead === undefined) {
      const began = clock.now();
      const failure = await this.#inTime(probe);
      if (this.#stopping.signal.aborted) return;
      this.health.observe(kind, failure, clock.now());
      onObserved();
      if (kind === "startup" && this.health.started) {
        this.#beginOthers();
        return;
      }
      await this.#pause(began + this.health.intervalOf(kind) - clock.now());
    }
  }

  /** An attempt that does not end within its time has failed, whatever becomes of it. */
  #inTime(probe: Probe): Promise<string | undefined> {
    const { clock, attempt } = this.#options;
    return new Promise((resolve) => {
      const controller = new AbortController();
      const cancel = clock.after(probe.timeoutMs, () => {
        const late = `no answer within ${probe.timeoutMs / 1000} s`;
        controller.abort(new Error(late));
        resolve(late);
      });
      void attempt(probe, controller.signal).then((failure) => {
        cancel();
        resolve(failure);
      });
    });
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stopping;
      if (milliseconds <= 0 || signal.aborted) {
        resolve();
        return;
      }
      const cancel = this.#options.clock.after(milliseconds, () => {
        signal.removeEventListener("abort", end);
        resolve();
      });
      const end = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
    });
  }
}
