import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeClock } from "../test/fake-clock.ts";
import { modelSpec } from "../test/fake-hosts.ts";
import { openMeasurements } from "./measurement-file.ts";

let folder: string;
const spec = modelSpec("iris", "iris.onnx");

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-measurements-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("keeps what loads measured, of the same artefact, and writes it a while after", async () => {
  const clock = new FakeClock();
  const first = openMeasurements(folder, clock);
  first.measurements.note(spec, { bytes: 7, loadMs: 8 });
  first.measurements.note(spec, { bytes: 7, loadMs: 8 });
  expect(clock.timers).toBe(1);
  await first.close();
  expect(await readdir(folder)).toEqual(["measurements.json"]);
  const second = openMeasurements(folder, clock).measurements;
  expect(second.of(spec)).toEqual({ bytes: 7, loadMs: 8 });
  expect(second.of({ ...spec, bytes: spec.bytes + 1 })).toBeUndefined();
});

it.each(["", "[", '[["a",{"bytes":-1,"loadMs":0}]]', '{"a":1}'])("does without a file that holds %j", async (text) => {
  await writeFile(join(folder, "measurements.json"), text);
  expect(openMeasurements(folder, new FakeClock()).measurements.entries()).toEqual([]);
});
