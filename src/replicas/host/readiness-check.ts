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
  /** Of those who wait for the check that is under way; undefined when none is. */
  #waiting: Set<(reason: string | undefined) => void> | undefined;

  constructor(connection: HostConnection, handle: number, clock: Clock) {
    this.#connection = connection;
    this.#handle = handle;
    this.#clock = clock;
  }

  /** Why it is not ready, or undefined; a check that takes longer than 5 seconds says no. */
  ask(): Promise<string | undefined> {
    const waiting = this.#waiting ?? new Set();
    const heard = new Promise<string | undefined>((resolve) => {
      // One that hangs may be asked about for ever: who has had enough is forgotten.
      const stopWaiting = this.#clock.after(LIMIT_MS, () => {
        waiting.delete(tell);
        resolve(`its is_ready has not answered in ${LIMIT_MS / 1000} s`);
      });
      const tell = (reason: string | undefined): void => {
        stopWaiting();
        resolve(reason);
      };
      waiting.add(tell);
    });
    if (this.#waiting === undefined) {
      this.#waiting = waiting;
      this.#check();
    }
    return heard;
  }

  #check(): void {
    const tellAll = (reason: string | undefined): void => {
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const tell of waiting) tell(reason);
    };
    this.#connection.open("check", { model: this.#handle }, [], {
      onResult: ({ payload }) => tellAll(payload.kind === "json" && payload.value === true ? undefined : "its is_ready says no"),
      onError: ({ message }) => tellAll(`its is_ready failed: ${firstLine(message)}`),
    });
  }
}
