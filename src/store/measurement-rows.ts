import type { KeptMeasurement, Measurement } from "../core/measurement.ts";
import { digestOf } from "./digest.ts";
import type { Database, SqlValue } from "./sqlite.ts";

/** Kept ones; when a state is opened the oldest beyond them are forgotten. */
const MOST = 10_000;
const COLUMNS = ["artefact", "measurement", "digest"] as const;

/** A measurement with its parts as JSON texts: what the worker gets. */
export interface MeasurementRow {
  readonly change: "measured";
  readonly artefact: string;
  readonly measurement: string;
  readonly measuredAt: number;
}

const KEEP = `INSERT INTO measurements (artefact, measurement, measured_at, digest) VALUES (value(1), value(2), value(3), value(4))
  ON CONFLICT (artefact) DO UPDATE SET
    measurement = excluded.measurement, measured_at = excluded.measured_at, digest = excluded.digest`;

const FORGET = `DELETE FROM measurements WHERE artefact IN
  (SELECT artefact FROM measurements ORDER BY measured_at DESC, artefact LIMIT -1 OFFSET value(1))`;

export function encodeMeasurement({ artefact, measurement }: KeptMeasurement): MeasurementRow {
  const { namespace, name, version, format, bytes } = artefact;
  return {
    change: "measured",
    artefact: JSON.stringify([namespace, name, version, format, bytes]),
    measurement: JSON.stringify(measurement),
    measuredAt: measurement.measuredAt,
  };
}

export function keepMeasurement(database: Database, { artefact, measurement, measuredAt }: MeasurementRow): void {
  database.exec(KEEP, artefact, measurement, measuredAt, digestOf(artefact + measurement));
}

export function forgetOldMeasurements(database: Database, kept = MOST): void {
  database.exec(FORGET, kept);
}

/** Oldest first, without rows that are not what was once written: a guess takes their place. */
export function readMeasurements(database: Database): KeptMeasurement[] {
  const kept = database.select(COLUMNS, "measurements").flatMap(decode);
  return kept.sort((one, other) => one.measurement.measuredAt - other.measurement.measuredAt);
}

function decode({ artefact, measurement, digest }: Record<(typeof COLUMNS)[number], SqlValue>): KeptMeasurement[] {
  if (typeof artefact !== "string" || typeof measurement !== "string" || digest !== digestOf(artefact + measurement)) return [];
  const [namespace, name, version, format, bytes] = JSON.parse(artefact) as [string, string, string, never, number];
  return [{ artefact: { namespace, name, version, format, bytes }, measurement: JSON.parse(measurement) as Measurement }];
}
