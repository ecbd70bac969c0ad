import type { Clock } from "./core/clock.ts";
import type { KeptMeasurement, MeasurementStore } from "./core/measurement.ts";
import { Measurements } from "./models/index.ts";

/** Milliseconds: measurements come in bursts, and none is worth a write of its own. */
const WRITE_AFTER_MS = 5_000;

export interface KeptMeasurements {
  readonly measurements: Measurements;
  /** Writes what has not been written. */
  close(): Promise<void>;
}

/** What loads measured, kept in the state between runs of the server. What cannot be written only costs guesses. */
export function openMeasurements(store: MeasurementStore, clock: Clock): KeptMeasurements {
  let unwritten: KeptMeasurement[] = [];
  let cancel: (() => void) | undefined;
  let written = Promise.resolve();
  const write = (): void => {
    cancel = undefined;
    written = store.keep(unwritten).catch(() => undefined);
    unwritten = [];
  };
  const measurements = new Measurements(store.measurements, (kept) => {
    unwritten.push(kept);
    cancel ??= clock.after(WRITE_AFTER_MS, write);
  });
  return {
    measurements,
    async close() {
      if (cancel !== undefined) {
        cancel();
        write();
      }
      await written;
    },
  };
}
