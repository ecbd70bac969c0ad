/** Weight of the newest observation. */
const WEIGHT = 0.1;
/** Ridge that keeps the slope defined while all batches had one size. */
const RIDGE = 1e-6;
/** A call that takes more than so many times what was expected stalls, if it is no shorter than so many milliseconds. */
const STALL_RATIO = 10;
const SHORTEST_STALL = 10;
/** Calls since the last stall after which the next one counts for no more than it must to be one. */
const RARE = 30;
/** A call that takes less than this part of what was expected, beyond the usual error, is a surprise. */
const SURPRISING_PART = 0.25;
/** Surprises in a row after which what was learned before is forgotten. */
const SURPRISES = 2;

/**
 * What a call costs by its number of rows: a fixed part and a part for each row, both in milliseconds, learned by least squares over
 * observations that fade exponentially. Both parts are never negative. A single call that stalls moves it little; a first call that took
 * long because something was loaded on the way is forgotten as soon as two others have been much quicker, or all that could not be answered
 * in that time would be refused until it has faded. A
 * model that declares its cost is measured by that instead: its rows are then elements of an input.
 */
export class LatencyCurve {
  #count = 0;
  #rows = 0;
  #cost = 0;
  #variance = 0;
  #covariance = 0;
  #error = 0;
  #surprises = 0;
  #sinceStall = Number.POSITIVE_INFINITY;

  get observations(): number {
    return this.#count;
  }

  observe(rows: number, milliseconds: number): void {
    const expected = this.predict(rows) ?? milliseconds;
    const surprising = milliseconds < SURPRISING_PART * expected && milliseconds < expected - 2 * this.#error;
    this.#surprises = surprising ? this.#surprises + 1 : 0;
    if (this.#surprises === SURPRISES) this.#forget();
    const most = Math.max(SHORTEST_STALL, STALL_RATIO * expected);
    const isRare = this.#sinceStall > RARE;
    this.#sinceStall = milliseconds > most ? 0 : this.#sinceStall + 1;
    this.#learn(rows, isRare ? Math.min(most, milliseconds) : milliseconds);
  }

  #learn(rows: number, milliseconds: number): void {
    this.#error += WEIGHT * (Math.abs(milliseconds - (this.predict(rows) ?? milliseconds)) - this.#error);
    this.#count++;
    // The mean of all while there are few, so that the first one does not weigh for long.
    const weight = Math.max(WEIGHT, 1 / this.#count);
    const rowsDelta = rows - this.#rows;
    const costDelta = milliseconds - this.#cost;
    this.#rows += weight * rowsDelta;
    this.#cost += weight * costDelta;
    this.#variance = (1 - weight) * (this.#variance + weight * rowsDelta * rowsDelta);
    this.#covariance = (1 - weight) * (this.#covariance + weight * rowsDelta * costDelta);
  }

  #forget(): void {
    this.#count = 0;
    this.#rows = 0;
    this.#cost = 0;
    this.#variance = 0;
    this.#covariance = 0;
    this.#error = 0;
    this.#surprises = 0;
  }

  /** Milliseconds that each further row costs. */
  get perRow(): number {
    const most = this.#rows === 0 ? 0 : this.#cost / this.#rows;
    return Math.min(most, Math.max(0, this.#covariance / (this.#variance + RIDGE)));
  }

  /** Milliseconds that a call costs whatever it holds. */
  get fixed(): number {
    return Math.max(0, this.#cost - this.perRow * this.#rows);
  }

  /** Milliseconds by which predictions were wrong lately, on average. */
  get deviation(): number {
    return this.#error;
  }

  /** Milliseconds for a call of so many rows; undefined when nothing has been observed. */
  predict(rows: number): number | undefined {
    return this.#count === 0 ? undefined : this.fixed + this.perRow * rows;
  }

  /** Rows that a call may have to take at most so many milliseconds; Infinity when each row costs nothing. */
  rowsWithin(milliseconds: number): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    const left = milliseconds - this.fixed;
    if (left < 0) return 0;
    return this.perRow === 0 ? Number.POSITIVE_INFINITY : Math.floor(left / this.perRow);
  }
}
