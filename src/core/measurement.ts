import type { ModelSpec } from "./model.ts";

/** Which artefact was measured: another one under the same name is another model. `bytes` are the artefact's. */
export type MeasuredArtefact = Pick<ModelSpec, "namespace" | "name" | "version" | "format" | "bytes">;

/** What a load of a model came to. */
export interface Measurement {
  /** Resident bytes of its host, or of its part of one. */
  readonly bytes: number;
  /** Bytes on each device that it is on; 0 where it is on none or nobody can tell. */
  readonly deviceBytes: number;
  /** Milliseconds from the preparation to the first answer. */
  readonly loadMs: number;
  /** Milliseconds since 1970. */
  readonly measuredAt: number;
}

export interface KeptMeasurement {
  readonly artefact: MeasuredArtefact;
  readonly measurement: Measurement;
}

/** Where measurements outlive the server. Losing them costs only guesses, so nobody waits for them. */
export interface MeasurementStore {
  /** What was there when it was opened, oldest first. */
  readonly measurements: readonly KeptMeasurement[];
  /** Each replaces the one of the same artefact before it. @throws ServeError as commits of resources do */
  keep(measurements: readonly KeptMeasurement[]): Promise<void>;
}
