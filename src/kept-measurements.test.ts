import { expect, it } from "vitest";
import { FakeClock } from "../test/fake-clock.ts";
import { modelSpec } from "../test/fake-hosts.ts";
import type { KeptMeasurement, MeasurementStore } from "./core/measurement.ts";
import { openMeasurements } from "./kept-measurements.ts";

const spec = modelSpec("iris", "iris.onnx");
const first = { bytes: 7, deviceBytes: 0, loadMs: 8 };

class FakeStore implements MeasurementStore {
  readonly measurements: readonly KeptMeasurement[];
  readonly written: KeptMeasurement[][] = [];
  failure: Error | undefined;

  constructor(measurements: readonly KeptMeasurement[] = []) {
    this.measurements = measurements;
  }

  async keep(measurements: readonly KeptMeasurement[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.written.push([...measurements]);
  }
}

it("writes what loads measured together, a while after, and knows it of the same artefact the next time", async () => {
  const [clock, store] = [new FakeClock(), new FakeStore()];
  const kept = openMeasurements(store, clock);
  kept.measurements.note(spec, first);
  kept.measurements.note(spec, first);
  kept.measurements.note({ ...spec, name: "wine" }, { ...first, deviceBytes: 9 });
  expect([clock.timers, store.written.length]).toEqual([1, 0]);
  await clock.advance(5_000);
  await kept.close();
  expect(store.written.map((each) => each.map(({ artefact }) => artefact.name))).toEqual([["iris", "wine"]]);
  const again = openMeasurements(new FakeStore(store.written.flat()), clock).measurements;
  expect(again.of(spec)).toMatchObject(first);
  expect(again.of({ ...spec, bytes: spec.bytes + 1 })).toBeUndefined();
});

it("writes at its end what has not been written, and does without a store that cannot", async () => {
  const [clock, store] = [new FakeClock(), new FakeStore()];
  const kept = openMeasurements(store, clock);
  kept.measurements.note(spec, first);
  await kept.close();
  expect([clock.timers, store.written.length]).toEqual([0, 1]);
  store.failure = new Error("the disk is full");
  kept.measurements.note(spec, { ...first, bytes: 8 });
  await kept.close();
  expect(kept.measurements.of(spec)).toMatchObject({ bytes: 8 });
});
