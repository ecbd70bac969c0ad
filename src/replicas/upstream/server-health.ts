import type { Probe, ProbeAction } from "../../core/container.ts";

export interface Probes {
  readonly startup: Probe | undefined;
  readonly readiness: Probe | undefined;
  readonly liveness: Probe | undefined;
}

export type ProbeKind = keyof Probes;

/** Milliseconds between two looks at a server that has never been ready: those who wait for it wait no longer than they must. */
const IMPATIENCE_MS = 250;

/**
 * What the probes of a server have come to, as Kubernetes counts: consecutive successes and failures. The start-up probe comes before the
 * others and has failureThreshold × period milliseconds in all; until the server has been ready once it is looked at more often than that.
 */
export class ServerHealth {
  readonly #probes: Probes;
  readonly #startedAt: number;
  readonly #counts: Record<ProbeKind, { passed: number; failed: number }> = {
    startup: { passed: 0, failed: 0 },
    readiness: { passed: 0, failed: 0 },
    liveness: { passed: 0, failed: 0 },
  };
  #started: boolean;
  #ready: boolean;
  #hasBeenReady: boolean;
  #dead: string | undefined;
  #obstacle = "";

  /** `startedAt` in clock milliseconds. */
  constructor(probes: Probes, startedAt: number) {
    this.#probes = probes;
    this.#startedAt = startedAt;
    this.#started = probes.startup === undefined;
    this.#ready = this.#started && probes.readiness === undefined;
    this.#hasBeenReady = this.#ready;
  }

  get started(): boolean {
    return this.#started;
  }

  get ready(): boolean {
    return this.#ready && this.#dead === undefined;
  }

  /** Why the server is to end, as in "its server …". */
  get dead(): string | undefined {
    return this.#dead;
  }

  /** The probe that keeps it from being ready, and what came of it; empty before the first one. */
  get obstacle(): string {
    return this.#obstacle;
  }

  /** Clock milliseconds before which a probe is not made. */
  firstAt(kind: ProbeKind): number {
    return this.#startedAt + (this.#probes[kind]?.initialDelayMs ?? 0);
  }

  /** Milliseconds from the beginning of one to the next. */
  intervalOf(kind: ProbeKind): number {
    const probe = this.#probes[kind];
    if (probe === undefined) return Number.POSITIVE_INFINITY;
    // A command is a process each time.
    const often = kind !== "liveness" && !this.#hasBeenReady && probe.action.kind !== "exec";
    return often ? Math.min(IMPATIENCE_MS, probe.periodMs) : probe.periodMs;
  }

  /** One probe has been made at clock milliseconds `now`; `failure` says what came of it when that was not what it should be. */
  observe(kind: ProbeKind, failure: string | undefined, now: number): void {
    const probe = this.#probes[kind];
    if (probe === undefined || this.#dead !== undefined) return;
    const counts = this.#counts[kind];
    counts.passed = failure === undefined ? counts.passed + 1 : 0;
    counts.failed = failure === undefined ? 0 : counts.failed + 1;
    const said = `${titleOf(probe.action)}: ${failure}`;
    if (kind === "liveness") {
      if (counts.failed >= probe.failureThreshold) {
        this.#dead = `was ended because its liveness probe failed ${timesInARow(counts.failed)}: ${said}`;
      }
    } else if (kind === "startup") this.#observeStart(probe, failure === undefined ? undefined : said, now);
    else this.#observeReadiness(probe, failure === undefined ? undefined : said);
  }

  #observeStart(probe: Probe, said: string | undefined, now: number): void {
    if (this.#started) return;
    if (said === undefined) {
      if (this.#counts.startup.passed < probe.successThreshold) return;
      this.#started = true;
      if (this.#probes.readiness === undefined) this.#becomeReady();
      return;
    }
    this.#obstacle = said;
    const patience = probe.failureThreshold * probe.periodMs;
    if (now >= this.firstAt("startup") + patience) {
      this.#dead = `was ended because it had not started within ${(probe.initialDelayMs + patience) / 1000} s: ${said}`;
    }
  }

  #observeReadiness(probe: Probe, said: string | undefined): void {
    const { passed, failed } = this.#counts.readiness;
    if (said === undefined) {
      if (passed >= probe.successThreshold) this.#becomeReady();
      return;
    }
    this.#obstacle = said;
    // What has not been ready yet stays so at the first failure.
    if (failed >= probe.failureThreshold) this.#ready = false;
  }

  #becomeReady(): void {
    this.#ready = true;
    this.#hasBeenReady = true;
    this.#obstacle = "";
  }
}

function timesInARow(count: number): string {
  return count === 1 ? "once" : `${count} times in a row`;
}

/** For messages, such as "GET /health/ready on port 8080". */
function titleOf(action: ProbeAction): string {
  switch (action.kind) {
    case "http":
      return `GET ${action.path} on port ${action.port}`;
    case "tcp":
      return `a connection to port ${action.port}`;
    case "grpc":
      return `gRPC health check${action.service === "" ? "" : ` of '${action.service}'`} on port ${action.port}`;
    case "exec":
      return `command '${action.command.join(" ")}'`;
  }
}
