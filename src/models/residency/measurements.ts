import type { ModelSpec } from "../../core/model.ts";

/** What the last load of a model came to. */
export interface Measurement {
  /** Resident bytes of its host, or of its part of one. */
  readonly bytes: number;
  /** Milliseconds from the preparation to the first answer. */
  readonly loadMs: number;
}

/** Kept ones; the oldest is forgotten first. */
const MOST = 10_000;

/** What earlier loads measured, so that the next one of the same artefact is not guessed. */
export class Measurements {
  readonly #byModel: Map<string, Measurement>;
  readonly #onChange: () => void;

  /** @param onChange is called for each measurement that differs from the one before */
  constructor(earlier: Iterable<readonly [string, Measurement]> = [], onChange: () => void = () => undefined) {
    this.#byModel = new Map(earlier);
    this.#onChange = onChange;
  }

  of(spec: ModelSpec): Measurement | undefined {
    return this.#byModel.get(keyOf(spec));
  }

  note(spec: ModelSpec, measurement: Measurement): void {
    const key = keyOf(spec);
    const before = this.#byModel.get(key);
    if (before?.bytes === measurement.bytes && before.loadMs === measurement.loadMs) return;
    this.#byModel.delete(key);
    this.#byModel.set(key, measurement);
    for (const oldest of this.#byModel.keys()) {
      if (this.#byModel.size <= MOST) break;
      this.#byModel.delete(oldest);
    }
    this.#onChange();
  }

  entries(): Array<readonly [string, Measurement]> {
    return [...this.#byModel];
  }
}

/** Another artefact under the same name is another model. */
function keyOf({ namespace, name, version, format, bytes }: ModelSpec): string {
  return `${namespace}/${name}/${version} ${format} ${bytes}`;
}
