import { afterEach, expect, it } from "vitest";
import { AVAILABLE_MODULES, openHere, put, restoredIn, temporaryDirectories } from "../../test/state-directories.ts";
import type { KeptMeasurement } from "../core/measurement.ts";
import { forgetOldMeasurements, readMeasurements } from "./measurement-rows.ts";
import { loadSqlite } from "./sqlite.ts";
import { openStore } from "./store.ts";

const directories = temporaryDirectories();
afterEach(directories.dispose);

function kept(name: string, bytes: number, measuredAt: number): KeptMeasurement {
  const artefact = { namespace: "default", name, version: "1", format: "onnx", bytes: 3 } as const;
  return { artefact, measurement: { bytes, deviceBytes: 0, loadMs: 12.5, measuredAt } };
}

it.each(AVAILABLE_MODULES)("measurements are there again, the newest of each artefact: %s", async (sqlite) => {
  const directory = directories.make();
  const state = await openHere(directory, sqlite);
  expect(state.measurements).toEqual([]);
  state.keep(kept("a", 1, 10), kept("b", 2, 20));
  state.keep(kept("a", 3, 30));
  state.close();
  const again = await openHere(directory, sqlite);
  expect(again.measurements).toEqual([kept("b", 2, 20), kept("a", 3, 30)]);
  again.close();
});

it("measurements go through the store's thread beside resources", { timeout: 20_000 }, async () => {
  const directory = directories.make();
  const store = await openStore(directory);
  expect(store.measurements).toEqual([]);
  await Promise.all([store.keep([kept("a", 1, 10)]), store.commit([put("a")])]);
  await store.close();
  const state = await openHere(directory);
  expect([state.measurements, state.restored.length]).toEqual([[kept("a", 1, 10)], 1]);
  state.close();
});

it("one that is damaged is forgotten, and costs nothing else", async () => {
  const directory = directories.make();
  const state = await openHere(directory);
  state.keep(kept("a", 1, 10), kept("b", 2, 20));
  state.close();
  const database = (await loadSqlite())(`${directory}/state.db`);
  database.exec(`UPDATE measurements SET measurement = replace(measurement, '"bytes":1', '"bytes":9')`);
  database.close();
  const again = await openHere(directory);
  expect(again.measurements).toEqual([kept("b", 2, 20)]);
  again.close();
});

it("more than anybody needs are not kept: the oldest go", async () => {
  const directory = directories.make();
  const state = await openHere(directory);
  state.keep(...[3, 1, 4, 2].map((at) => kept(`m${at}`, 1, at)));
  state.close();
  const database = (await loadSqlite())(`${directory}/state.db`);
  forgetOldMeasurements(database, 2);
  expect(readMeasurements(database)).toEqual([kept("m3", 1, 3), kept("m4", 1, 4)]);
  database.close();
  expect(await restoredIn(directory)).toEqual([]);
});
