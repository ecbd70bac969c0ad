import { ServeError } from "../core/errors.ts";

/** A part of the memory budget that somebody holds. */
export interface Reservation {
  readonly bytes: number;
  /** The estimate becomes a measurement. */
  resize(bytes: number): void;
  release(): void;
}

export interface MemoryLedger {
  readonly budget: number;
  readonly reserved: number;
  /** @throws ServeError RESOURCE_EXHAUSTED with the arithmetic, when it does not fit */
  reserve(bytes: number): Reservation;
}

/** Keeps account of what hosts may use together; nothing is started that does not fit. Sizes in bytes. */
export function createMemoryLedger(budget: number): MemoryLedger {
  let reserved = 0;
  return {
    budget,
    get reserved() {
      return reserved;
    },
    reserve(bytes) {
      if (reserved + bytes > budget) {
        throw new ServeError(
          "RESOURCE_EXHAUSTED",
          `it needs about ${mebibytes(bytes)}, and ${mebibytes(Math.max(0, budget - reserved))} of the ${mebibytes(budget)} for hosts are free; ` +
            "stop other models or raise --memory-budget",
        );
      }
      let held = bytes;
      reserved += bytes;
      return {
        get bytes() {
          return held;
        },
        resize(measured) {
          reserved += measured - held;
          held = measured;
        },
        release() {
          reserved -= held;
          held = 0;
        },
      };
    },
  };
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1048576)} MiB`;
}
