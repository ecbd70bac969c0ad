import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { percentile } from "../src/load/index.ts";
import { type MixedModel, mixedModels } from "./mixed-models.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { type Ask, randomOf, traceOf } from "./trace.ts";
import { change } from "./turnover.ts";
import { startVariant, type Variant } from "./variant.ts";

/** Whether real processes confirm what eviction.ts simulates: the same trace for each policy, on real hosts with room for some of the models. */
const { values } = parseArgs({
  options: {
    models: { type: "string", default: "30" },
    /** As many models of the mean size fit. */
    fitting: { type: "string", default: "8" },
    /** Of each trace. */
    seconds: { type: "string", default: "300" },
    /** Requests per second. */
    rate: { type: "string", default: "1" },
    rounds: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
  },
});
const count = values.quick ? 6 : Number(values.models);
const fitting = values.quick ? 3 : Number(values.fitting);
const seconds = values.quick ? 8 : Number(values.seconds);
const rounds = values.quick ? 1 : Number(values.rounds);
const POLICIES = ["cost", "lru", "lfu", "fifo"] as const;
const PATIENCE = "600000";

interface Result {
  readonly policy: string;
  /** That all requests together took: hardly more than what they waited for loads. */
  readonly waited: number;
  readonly loads: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

const { models, remove } = mixedModels(count);
const names = models.map(({ name }) => name);
const paths = models.map(({ path }) => path);
/** Python models are ours; networks keep their hosts, as models that are too large to be answered in the server. */
const FLAGS = { trust: "all", inline: "off", "request-timeout": PATIENCE };
const sizes = await measuredSizes();
const budget = Math.round((fitting * sizes.reduce((sum, { bytes }) => sum + bytes, 0)) / count);
const results: Result[] = [];
for (let round = 0; round < rounds; round++) {
  const rate = Number(values.rate);
  const trace = traceOf(randomOf(2_000 + round), { models: count, requests: Math.round(seconds * rate), rate });
  for (const policy of POLICIES) {
    results.push(await play(trace, policy));
    process.stderr.write(`round ${round + 1} of ${rounds}, ${policy} done\n`);
  }
}
print();
remove();

interface Size {
  readonly bytes: number;
  readonly loadMs: number;
}

/** Each is loaded once, alone, so that every policy begins with the same measurements. */
async function measuredSizes(): Promise<Size[]> {
  const server = await startVariant("measuring", { paths, flags: { ...FLAGS, "max-concurrent-models": "1" } });
  try {
    const measured: Size[] = [];
    for (const name of names) {
      await change(server.url, name, "evict");
      const began = performance.now();
      await change(server.url, name, "load");
      const loadMs = performance.now() - began;
      const status = (await (await fetch(`${server.url}/nitrous/models/${name}`)).json()) as { memoryBytes: number };
      measured.push({ bytes: status.memoryBytes, loadMs });
      await change(server.url, name, "evict");
    }
    return measured;
  } finally {
    await server.stop();
  }
}

async function play(trace: readonly Ask[], policy: string): Promise<Result> {
  const flags = { ...FLAGS, "eviction-policy": policy, "memory-budget": String(budget) };
  const server = await startVariant(policy, { paths, flags });
  try {
    await Promise.all(names.map((name) => change(server.url, name, "evict")));
    const loadsBefore = await loadsOf(server);
    const latencies: number[] = [];
    let failed = 0;
    const began = performance.now();
    await Promise.all(
      trace.map(async ({ at, model }) => {
        await delay(Math.max(0, at - (performance.now() - began)));
        const ok = await ask(server, models[model] as MixedModel);
        if (ok) latencies.push(performance.now() - began - at);
        else failed++;
      }),
    );
    const sorted = Float64Array.from(latencies).sort();
    const waited = latencies.reduce((sum, each) => sum + each, 0) / 1000;
    const loads = (await loadsOf(server)) - loadsBefore;
    return { policy, waited, loads, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), failed };
  } finally {
    await server.stop();
  }
}

async function ask({ url }: Variant, { name, body }: MixedModel): Promise<boolean> {
  const response = await fetch(`${url}/v2/models/${name}/infer`, { method: "POST", body });
  const text = await response.text();
  if (response.status !== 200) process.stderr.write(`${name}: ${response.status} ${text}\n`);
  return response.status === 200;
}

async function loadsOf({ url }: Variant): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return [...page.matchAll(/^nitrous_model_loads_total\S* (\d+)$/gm)].reduce((sum, [, loads]) => sum + Number(loads), 0);
}

function print(): void {
  const mebibytes = (bytes: number): string => (bytes / 1048576).toFixed(0);
  const bytes = sizes.map((size) => size.bytes);
  const loadMs = sizes.map((size) => size.loadMs);
  const mean = (policy: string, figure: (result: Result) => number): number => {
    const own = results.filter((result) => result.policy === policy);
    return own.reduce((sum, each) => sum + figure(each), 0) / own.length;
  };
  const rows = POLICIES.map((policy) => [
    policy,
    mean(policy, ({ waited }) => waited).toFixed(1),
    (mean(policy, ({ waited }) => waited) / mean("lru", ({ waited }) => waited)).toFixed(3),
    mean(policy, ({ loads }) => loads).toFixed(0),
    mean(policy, ({ p50 }) => p50).toFixed(0),
    mean(policy, ({ p99 }) => p99).toFixed(0),
    mean(policy, ({ failed }) => failed).toFixed(0),
  ]);
  const head = [
    `${machine()} ${count} models of eight kinds, ${mebibytes(Math.min(...bytes))} to ${mebibytes(Math.max(...bytes))} MiB in their hosts, which load in ${Math.min(...loadMs).toFixed(0)} to ${Math.max(...loadMs).toFixed(0)} ms;`,
    `room for ${mebibytes(budget)} MiB, ${fitting} of the mean size. ${rounds} traces of ${seconds} s at ${values.rate} requests a second: Zipf's popularity, which drifts, as in eviction.ts.`,
  ];
  publish(
    "eviction-processes",
    [head.join("\n"), tableOf([["policy", "seconds waited", "against lru", "loads", "p50 ms", "p99 ms", "failed"], ...rows])],
    { sizes, budget, results },
  );
}
