import { LatencyCurve } from "../../core/latency-curve.ts";

/** Weight of the newest run. */
const WEIGHT = 0.05;
/** A run that the system interrupted must not weigh for long; one that has really become slower gets there in some runs. */
const LARGEST_STEP = 4;

/**
 * What a call of one model costs inline. The curve comes from the proof runs, which had batches of all sizes; what is learned later
 * is only by how much the machine is slower or faster than then, because calls of one size would make a curve forget its slope.
 */
export class InlineCost {
  readonly #curve = new LatencyCurve();
  #largestRows = 0;
  #ratio = 1;

  /** One of the proof runs. */
  prove(rows: number, milliseconds: number): void {
    this.#curve.observe(rows, milliseconds);
    this.#largestRows = Math.max(this.#largestRows, rows);
  }

  observe(rows: number, milliseconds: number): void {
    const proven = this.#curve.predict(rows);
    if (proven === undefined || proven <= 0) return;
    const ratio = Math.min(milliseconds / proven, LARGEST_STEP * this.#ratio);
    this.#ratio += WEIGHT * (ratio - this.#ratio);
  }

  /** Milliseconds; 0 as long as nothing has been proven. */
  predict(rows: number): number {
    return this.#ratio * (this.#curve.predict(rows) ?? 0);
  }

  /** Rows that fit into so many milliseconds, never more than were proven. */
  rowsWithin(milliseconds: number): number {
    return Math.min(this.#largestRows, this.#curve.rowsWithin(milliseconds / this.#ratio));
  }
}
