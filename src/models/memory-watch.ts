import type { Clock } from "../core/clock.ts";
import { mebibytes } from "./mebibytes.ts";

/** Milliseconds between the end of one round of measuring and the beginning of the next: at least so many, and more with many hosts. */
const PERIOD_MS = 5_000;
/** To measure a host takes the kernel some milliseconds; so it takes a few percent of one processor, however many hosts there are. */
const PERIOD_PER_HOST_MS = 100;

export interface MemoryWatchOptions {
  readonly clock: Clock;
  /** Bytes that one host may use. */
  readonly limit: number;
  /** Measures a host and keeps account of it; resolves with its bytes, 0 when nobody can tell. */
  readonly measure: (pid: number) => Promise<number>;
  /** `how` goes on after "its host". */
  readonly onExcess: (pid: number, how: string) => void;
}

/** Looks at each host's memory, one after the other, as long as there are any. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #pids = new Set<number>();
  #cancel: (() => void) | undefined;
  #measuring = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  add(pid: number): void {
    this.#pids.add(pid);
    this.#arm();
  }

  delete(pid: number): void {
    this.#pids.delete(pid);
    if (this.#pids.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    if (this.#measuring || this.#cancel !== undefined || this.#pids.size === 0) return;
    this.#cancel = this.#options.clock.after(Math.max(PERIOD_MS, this.#pids.size * PERIOD_PER_HOST_MS), () => {
      this.#cancel = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const { measure, limit, onExcess } = this.#options;
    this.#measuring = true;
    for (const pid of [...this.#pids]) {
      if (!this.#pids.has(pid)) continue;
      const bytes = await measure(pid);
      if (bytes > limit && this.#pids.has(pid)) {
        onExcess(pid, `used ${mebibytes(bytes)} of memory, more than its limit of ${mebibytes(limit)}, and was ended`);
      }
    }
    this.#measuring = false;
    this.#arm();
  }
}
