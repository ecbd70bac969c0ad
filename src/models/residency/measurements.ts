import type { KeptMeasurement, MeasuredArtefact, Measurement } from "../../core/measurement.ts";

/** Kept ones; the oldest is forgotten first. */
const MOST = 10_000;

/** What earlier loads measured, so that the next one of the same artefact is not guessed. */
export class Measurements {
  readonly #kept = new Map<string, KeptMeasurement>();
  readonly #onChange: (kept: KeptMeasurement) => void;

  /** @param onChange is called for each measurement that differs from the one before */
  constructor(earlier: Iterable<KeptMeasurement> = [], onChange: (kept: KeptMeasurement) => void = () => undefined) {
    for (const kept of earlier) this.#kept.set(keyOf(kept.artefact), kept);
    this.#onChange = onChange;
  }

  of(artefact: MeasuredArtefact): Measurement | undefined {
    return this.#kept.get(keyOf(artefact))?.measurement;
  }

  note({ namespace, name, version, format, bytes }: MeasuredArtefact, measured: Omit<Measurement, "measuredAt">): void {
    const artefact: MeasuredArtefact = { namespace, name, version, format, bytes };
    const key = keyOf(artefact);
    const before = this.#kept.get(key)?.measurement;
    const isSame = before?.bytes === measured.bytes && before.deviceBytes === measured.deviceBytes && before.loadMs === measured.loadMs;
    if (isSame) return;
    const kept: KeptMeasurement = { artefact, measurement: { ...measured, measuredAt: Date.now() } };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST) break;
      this.#kept.delete(oldest);
    }
    this.#onChange(kept);
  }
}

function keyOf({ namespace, name, version, format, bytes }: MeasuredArtefact): string {
  return `${namespace}/${name}/${version} ${format} ${bytes}`;
}
