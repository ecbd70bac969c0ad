import { createRecord } from "../src/core/context.ts";
import { median } from "../src/load/index.ts";
import { createStatistics } from "../src/models/index.ts";
import { RecentTraffic } from "../src/models/recent-traffic.ts";
import { machine, publish, tableOf } from "./publish.ts";

/** What it costs to remember a request for `nitrous top`: nanoseconds a request, beside all that statistics keep of one. */
const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 5 : 15;
const REQUESTS = quick ? 1_000_000 : 5_000_000;

const latencies = Float64Array.from({ length: 4096 }, (_, index) => 0.05 * 1.003 ** index);
const traffic = new RecentTraffic();
const statistics = createStatistics();
const record = { ...createRecord("v2", "iris", 0), namespace: "default", version: "1", batchSize: 1 };

const VARIANTS: Readonly<Record<string, () => void>> = {
  "recent traffic": noteAll,
  "recent traffic again (A/A)": noteAll,
  "all statistics of a request": () => {
    for (let index = 0; index < REQUESTS; index++) {
      record.finishedAt = latencies[index & 4095] as number;
      statistics.observe(record);
    }
  },
};

/** A hundred thousand requests a second: a new slot every 200 000. */
function noteAll(): void {
  for (let index = 0; index < REQUESTS; index++) traffic.note(clock + index / 100, latencies[index & 4095] as number, true, 1);
  clock += REQUESTS / 100;
}

let clock = 0;
const figures = new Map<string, number[]>(Object.keys(VARIANTS).map((name) => [name, []]));
for (const run of Object.values(VARIANTS)) run();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(VARIANTS)) {
    const before = process.hrtime.bigint();
    run();
    figures.get(name)?.push(Number(process.hrtime.bigint() - before) / REQUESTS);
  }
}
const rows = [...figures].map(([name, each]) => [
  name,
  median(each).toFixed(1),
  `${Math.min(...each).toFixed(1)} to ${Math.max(...each).toFixed(1)}`,
]);
publish("recent-traffic", [machine(), tableOf([["", "ns a request, median", "of all rounds"], ...rows])], Object.fromEntries(figures));
