import { parseArgs } from "node:util";
import { createRecord, RequestContext } from "../src/core/context.ts";
import type { EvictionPolicyName } from "../src/models/index.ts";
import hostKinds from "./host-kinds.json" with { type: "json" };
import { machine, publish, tableOf } from "./publish.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { type SimulatedModel, simulateServer } from "./simulated-hosts.ts";
import { type Ask, drawn, randomOf, traceOf } from "./trace.ts";

/**
 * Which model goes first when another needs its room: the seconds that requests of a trace wait for loads, by policy. The manager, the
 * ledger and the eviction are the server's; hosts are simulated, so that hours pass in seconds.
 */
const { values } = parseArgs({
  options: {
    traces: { type: "string", default: "20" },
    models: { type: "string", default: "300" },
    requests: { type: "string", default: "6000" },
    /** Requests per second. */
    rate: { type: "string", default: "0.5" },
    /** Share of all models' memory that is there. */
    memory: { type: "string", default: "0.2" },
  },
});
const POLICIES: readonly EvictionPolicyName[] = ["cost", "lru", "lfu", "fifo"];
const MEBIBYTE = 1048576;
/** What loads of small models took on a real machine, by measure-hosts.ts. */
const KINDS = hostKinds.kinds;
/** MiB a second of an artefact that is read and unpacked. */
const READING = 200;

function modelsOf(random: () => number): SimulatedModel[] {
  const weights = KINDS.map(({ share }) => share);
  const total = weights.reduce((sum, share) => sum + share, 0);
  return Array.from({ length: Number(values.models) }, (_, index) => {
    const kind = KINDS[drawn(weights, random() * total)] as (typeof KINDS)[number];
    // The artefact besides the framework: a few to hundreds of MiB, which takes its time to read.
    const artefact = 2 ** (random() * 9);
    // The processor's time: others at work made the loads longer, which the simulated machine has none of.
    return { name: `m${index}`, loadMs: kind.cpuMs + (1000 * artefact) / READING, bytes: kind.bytes + 2 * artefact * MEBIBYTE };
  });
}

interface Result {
  /** Seconds that all requests together waited for loads. */
  readonly waited: number;
  readonly loads: number;
  readonly refused: number;
}

async function play(models: readonly SimulatedModel[], trace: readonly Ask[], policy: EvictionPolicyName): Promise<Result> {
  const clock = new SimulatedClock();
  const memory = models.reduce((sum, { bytes }) => sum + bytes, 0) * Number(values.memory);
  const server = simulateServer(clock, models, { memory, policy, concurrentLoads: 2 });
  let waited = 0;
  let refused = 0;
  const asked: Promise<void>[] = [];
  for (const { at, model } of trace) {
    await clock.runUntil(at);
    const context = new RequestContext({ deadline: at + 3_600_000, record: createRecord("v2", "m", clock.now()) });
    const version = server.models[model] as (typeof server.models)[number];
    const done = version.activate(context, clock).then(
      () => {
        waited += (clock.now() - at) / 1000;
      },
      () => {
        refused++;
      },
    );
    asked.push(done);
  }
  await clock.runUntil((trace.at(-1)?.at ?? 0) + 600_000);
  await Promise.all(asked);
  return { waited, loads: server.loads(), refused };
}

const results: Array<Record<EvictionPolicyName, Result>> = [];
for (let index = 0; index < Number(values.traces); index++) {
  const random = randomOf(1_000 + index);
  const models = modelsOf(random);
  const trace = traceOf(random, { models: models.length, requests: Number(values.requests), rate: Number(values.rate) });
  const entries: Array<[EvictionPolicyName, Result]> = [];
  for (const policy of POLICIES) entries.push([policy, await play(models, trace, policy)]);
  results.push(Object.fromEntries(entries) as Record<EvictionPolicyName, Result>);
}

/** The mean with the half width of its 95 % interval, over the traces. */
function meanOf(numbers: readonly number[]): [number, number] {
  const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const variance = numbers.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, numbers.length - 1);
  return [mean, quantile(numbers.length - 1) * Math.sqrt(variance / numbers.length)];
}

/** Student's t for 97.5 % by its expansion about the normal distribution; 2.09 for 20 traces. */
function quantile(freedom: number): number {
  return 1.96 + 2.372 / freedom + 2.823 / freedom ** 2 + 2.556 / freedom ** 3;
}

const text = ([mean, half]: [number, number], digits: number): string => `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;

publish(
  "eviction",
  [
    `${results.length} traces of ${values.requests} requests at ${values.rate}/s to ${values.models} models, in ${Number(values.memory) * 100} % of the memory of all of them; popularity is Zipf's, and drifts. Means over the traces with 95 % intervals.`,
    tableOf([
      ["policy", "seconds waited for loads", "against lru", "loads", "refused"],
      ...POLICIES.map((policy) => [
        policy,
        text(meanOf(results.map((each) => each[policy].waited)), 0),
        text(meanOf(results.map((each) => each[policy].waited / each.lru.waited)), 3),
        text(meanOf(results.map((each) => each[policy].loads)), 0),
        String(results.reduce((sum, each) => sum + each[policy].refused, 0)),
      ]),
    ]),
    machine(),
  ],
  results,
);
