import type { Clock } from "../core/clock.ts";

const INTERVAL = 2000;

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** Lines on how far a download is, the first at once and then one every other second. */
export class Progress {
  readonly #what: string;
  readonly #total: number | undefined;
  readonly #clock: Clock;
  readonly #say: (line: string) => void;
  #last: number | undefined;

  /** @param total bytes, if they are known */
  constructor(what: string, total: number | undefined, clock: Clock, say: (line: string) => void) {
    this.#what = what;
    this.#total = total;
    this.#clock = clock;
    this.#say = say;
  }

  /** @param done bytes that are there by now */
  report(done: number): void {
    const now = this.#clock.now();
    if (this.#last !== undefined && now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#say(`fetching ${this.#what}: ${howFar(done, this.#total)}`);
  }
}

/** "12 of 40 MiB (30%)", or "12 MiB" where the total is not known. */
export function howFar(done: number, total: number | undefined): string {
  const { unit, divisor, digits } = scaleOf(total ?? done);
  const amount = (bytes: number): string => (bytes / divisor).toFixed(digits);
  if (total === undefined) return `${amount(done)} ${unit}`;
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  return `${amount(done)} of ${amount(total)} ${unit} (${percent}%)`;
}

function scaleOf(bytes: number): { readonly unit: string; readonly divisor: number; readonly digits: number } {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1024 ** (power + 1)) power += 1;
  return { unit: UNITS[power] as string, divisor: 1024 ** power, digits: power >= 3 ? 1 : 0 };
}
