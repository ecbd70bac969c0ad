import type { Clock } from "../../core/clock.ts";
import { firstLine } from "../../core/errors.ts";
import type { HostConnection } from "./connection.ts";

/** Milliseconds, as in Triton. */
const LIMIT_MS = 5_000;

/** Asks a model's own code whether it is ready. Only one check is under way: who asks meanwhile hears what that one says. */
export class ReadinessCheck {
  readonly #connection: HostConnection;
  readonly #handle: number;
  readonly #clock: Clock;
  #underWay: Promise<string | undefined> | undefined;

  constructor(connection: HostConnection, handle: number, clock: Clock) {
    this.#connection = connection;
    this.#handle = handle;
    this.#clock = clock;
  }

  /** Why it is not ready, or undefined; a check that takes longer than 5 seconds says no. */
  async ask(): Promise<string | undefined> {
    this.#underWay ??= this.#check().finally(() => {
      this.#underWay = undefined;
    });
    let stopWaiting = (): void => undefined;
    const late = new Promise<string>((resolve) => {
      stopWaiting = this.#clock.after(LIMIT_MS, () => resolve(`its is_ready has not answered in ${LIMIT_MS / 1000} s`));
    });
    try {
      return await Promise.race([this.#underWay, late]);
    } finally {
      stopWaiting();
    }
  }

  #check(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#connection.open("check", { model: this.#handle }, [], {
        onResult: ({ payload }) => resolve(payload.kind === "json" && payload.value === true ? undefined : "its is_ready says no"),
        onError: ({ message }) => resolve(`its is_ready failed: ${firstLine(message)}`),
      });
    });
  }
}
