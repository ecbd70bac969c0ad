import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { ReplicaReadiness } from "../../core/replica.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { attempt } from "./probe-attempt.ts";
import type { Probes, ServerHealth } from "./server-health.ts";
import { ServerProbes } from "./server-probes.ts";

export interface RunningServerOptions {
  readonly endpoint: ServerEndpoint;
  readonly probes: Probes;
  readonly clock: Clock;
  /** Milliseconds that it has to end when it is asked to. */
  readonly graceMs: number;
  /** A line for its log: that it is no longer ready, or is again. */
  readonly onLog: (line: string) => void;
}

/** A server from its start to its end, with what its probes say of it. Several models may be in it. */
export class RunningServer {
  readonly endpoint: ServerEndpoint;
  readonly graceMs: number;
  /** Settles when it answers nothing any more, with how as in "its server …". */
  readonly lost: Promise<string>;
  /** Settles when it has ended, with how. */
  readonly exited: Promise<string>;
  readonly #options: RunningServerOptions;
  readonly #probes: ServerProbes;
  readonly #waiting = new Set<() => void>();
  readonly #watching = new Set<() => void>();
  #lose!: (how: string) => void;
  #wasReady = false;
  #users = 0;

  constructor(options: RunningServerOptions) {
    const { endpoint, probes, clock } = options;
    this.#options = options;
    this.endpoint = endpoint;
    this.graceMs = options.graceMs;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.#probes = new ServerProbes({
      probes,
      clock,
      attempt: (probe, signal) => attempt(probe.action, endpoint, signal),
      onObserved: () => this.#observed(),
    });
    this.#wasReady = this.health.ready;
    this.exited = endpoint.exited.then((how) => {
      this.#probes.stop();
      this.#lose(how);
      return this.health.dead ?? how;
    });
  }

  get health(): ServerHealth {
    return this.#probes.health;
  }

  /** For the replicas in it: what keeps it from answering. */
  get readiness(): ReplicaReadiness {
    const { health } = this;
    return {
      get obstacle() {
        return health.ready ? undefined : `its server is not ready: ${health.obstacle}`;
      },
      watch: (listener) => {
        this.#watching.add(listener);
        return () => this.#watching.delete(listener);
      },
    };
  }

  /**
   * Settles when it is ready; tells on the way what it waits for.
   * @throws ServeError ABORTED when it ends before that, or the signal's reason, with what it waited for last
   */
  async whenReady(report: (step: string) => void, signal: AbortSignal): Promise<void> {
    let told = "";
    const step = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        const { ready, obstacle, dead } = this.health;
        if (dead === undefined && obstacle !== "" && obstacle !== told) {
          told = obstacle;
          report(`waiting for ${obstacle}`);
        }
        if (ready) finish(resolve);
      };
      const abort = (): void => finish(() => reject(lateness(signal.reason, told)));
      const finish = (settle: () => void): void => {
        this.#waiting.delete(look);
        signal.removeEventListener("abort", abort);
        settle();
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", abort, { once: true });
      void this.lost.then((how) => finish(() => reject(new ServeError("ABORTED", endBefore(how)))));
      if (signal.aborted) abort();
      else look();
    });
    await step;
  }

  /** A model is in it; the returned function says that it has gone. Nobody probes a server that has none any more. */
  attach(): () => void {
    this.#users++;
    let attached = true;
    return () => {
      if (!attached) return;
      attached = false;
      this.#users--;
      if (this.#users === 0) this.#probes.stop();
    };
  }

  #observed(): void {
    const { ready, dead, obstacle } = this.health;
    for (const look of [...this.#waiting]) look();
    if (dead !== undefined) {
      this.#probes.stop();
      this.#lose(dead);
      void this.endpoint.stop(this.graceMs);
    } else if (ready !== this.#wasReady) {
      this.#options.onLog(ready ? "the server is ready" : `the server is not ready any more: ${obstacle}`);
      this.#wasReady = ready;
      for (const listener of [...this.#watching]) listener();
    }
  }
}

/** Why nobody waits any more, and for what it was waited; the limit of a load's time says no more than that it is over. */
function lateness(reason: unknown, waitedFor: string): unknown {
  if (!(reason instanceof ServeError) || reason.code !== "ABORTED" || waitedFor === "") return reason;
  return new ServeError(reason.code, `${reason.message}; it waited for ${waitedFor}`);
}

function endBefore(how: string): string {
  const hint = how === "exited with code 0" ? ": its program has to stay in the foreground" : "";
  return `before it was ready, its server ${how}${hint}`;
}
