import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type LoadReport, median } from "../src/load/index.ts";
import { type ServerProcess, startServer } from "../test/server-process.ts";
import { driveOpen } from "./open-load.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { COLLECTION } from "./services.ts";

/** Rollouts in a row under a constant load, two of them broken: by canaries that are promoted, and by deleting and applying anew. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    rollouts: { type: "string", default: "20" },
    /** Seconds of load for each rollout; a slow machine needs more. */
    slot: { type: "string", default: "3" },
    rate: { type: "string", default: "100" },
    quick: { type: "boolean", default: false },
  },
});
const rounds = values.quick ? 1 : Number(values.rounds);
const rollouts = values.quick ? 3 : Number(values.rollouts);
const rate = Number(values.rate);

const WAYS = ["nothing changes", "nothing changes again", "canary and promote", "delete and apply"] as const;
type Way = (typeof WAYS)[number];
/** For which the load goes on in each way, so that all of them see the same arrivals. */
const SECONDS = 2 + rollouts * Number(values.slot);
/** These cannot be loaded. */
const BROKEN = [Math.floor(rollouts / 3), Math.floor((2 * rollouts) / 3)];
/** Milliseconds of work for each request. */
const WORK = 2;

interface Point {
  readonly way: Way;
  readonly round: number;
  readonly report: LoadReport;
  /** Milliseconds of each rollout. */
  readonly times: readonly number[];
}

interface Shown {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration: number;
    readonly modelStatus: { readonly transitionStatus: string };
    readonly components?: { readonly predictor: { readonly traffic?: readonly unknown[] } };
  };
}

const directory = mkdtempSync(join(tmpdir(), "nitrous-rollouts-"));
const work = `await new Promise((resolve) => setTimeout(resolve, ${WORK}))`;
for (const name of ["one", "two", "broken"]) {
  mkdirSync(join(directory, name));
  const first = name === "broken" ? 'throw new Error("it is broken");\n' : "";
  const model = `${first}export class Model {\n  async predict({ instances }) { ${work}; return instances.map(() => "${name}"); }\n}\n`;
  writeFileSync(join(directory, name, "model.mjs"), model);
}
async function measure(way: Way, round: number): Promise<Point> {
  const name = `words-${round}-${WAYS.indexOf(way)}`;
  const service = new Service(server, name);
  await service.create("one");
  await service.until("UpToDate");
  const asked = { path: `/v1/models/${name}:predict`, body: '{"instances":[1]}' };
  const loaded = driveOpen(server.url, asked, { rate, seconds: SECONDS, seed: round, lateBoundMs: 50 });
  await delay(1_000);
  const times: number[] = [];
  if (way === "canary and promote" || way === "delete and apply") {
    let serving = "one";
    for (let index = 0; index < rollouts; index++) {
      const next = BROKEN.includes(index) ? "broken" : serving === "one" ? "two" : "one";
      const began = performance.now();
      const isServed = way === "delete and apply" ? await service.renew(serving, next) : await service.roll(serving, next);
      if (isServed === (next === "broken")) throw new Error(`${next} is ${isServed ? "" : "not "}served`);
      if (isServed) serving = next;
      times.push(performance.now() - began);
    }
  }
  const report = await loaded;
  if (times.reduce((sum, time) => sum + time, 1_000) > SECONDS * 1000)
    throw new Error("the load was over before the rollouts were: give each more time with --slot");
  await service.delete();
  return { way, round, report, times };
}

/** The one service of a run, over the control API. */
class Service {
  readonly #collection: string;
  readonly #name: string;

  constructor({ url }: ServerProcess, name: string) {
    this.#collection = url + COLLECTION;
    this.#name = name;
  }

  async create(model: string): Promise<void> {
    await this.#send("POST", "", this.#object(model));
  }

  async delete(): Promise<void> {
    await this.#send("DELETE", `/${this.#name}`);
  }

  /** With a tenth of the requests, with a half, with all; false when it cannot be loaded and the earlier one stays. */
  async roll(serving: string, next: string): Promise<boolean> {
    await this.#put(next, 10);
    if ((await this.until("UpToDate", "BlockedByFailedLoad")) !== "UpToDate") {
      await this.#put(serving);
      await this.until("UpToDate");
      return false;
    }
    await delay(200);
    await this.#put(next, 50);
    await delay(200);
    await this.#put(next);
    await this.until("UpToDate");
    return true;
  }

  async renew(serving: string, next: string): Promise<boolean> {
    await this.delete();
    await this.create(next);
    if ((await this.until("UpToDate", "BlockedByFailedLoad")) === "UpToDate") return true;
    await this.delete();
    await this.create(serving);
    await this.until("UpToDate");
    return false;
  }

  async until(...wanted: readonly string[]): Promise<string> {
    for (;;) {
      const { metadata, status } = (await this.#send("GET", `/${this.#name}`)) as Shown;
      const state = status?.modelStatus.transitionStatus ?? "";
      if (status?.observedGeneration === metadata.generation && wanted.includes(state)) return state;
      await delay(20);
    }
  }

  #put(model: string, percent?: number): Promise<unknown> {
    return this.#send("PUT", `/${this.#name}`, this.#object(model, percent));
  }

  #object(model: string, percent?: number): object {
    const share = percent === undefined ? {} : { canaryTrafficPercent: percent };
    return {
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      metadata: { name: this.#name, annotations: { "nitrous/trust": "code" } },
      spec: { predictor: { ...share, model: { modelFormat: { name: "typescript" }, storageUri: `file://${join(directory, model)}` } } },
    };
  }

  async #send(method: string, path: string, body?: object): Promise<unknown> {
    const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const response = await fetch(this.#collection + path, { method, ...content });
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${await response.text()}`);
    return await response.json();
  }
}

const points: Point[] = [];
const server = await startServer([]);
try {
  for (let round = 0; round < rounds; round++) {
    for (const way of WAYS) points.push(await measure(way, round));
    process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
  }
  print();
} finally {
  await server.stop();
  rmSync(directory, { recursive: true });
}

function print(): void {
  const own = (way: Way): Point[] => points.filter((point) => point.way === way);
  const medianOf = (way: Way, figure: (report: LoadReport) => number | undefined): number =>
    median(own(way).map(({ report }) => figure(report) ?? Number.NaN));
  const idle = medianOf("nothing changes", ({ latency }) => latency?.p99);
  const rows = WAYS.map((way) => {
    const failed = own(way).map(({ report }) => report.requests - report.answers);
    const times = own(way).flatMap((point) => point.times);
    const p99 = medianOf(way, ({ latency }) => latency?.p99);
    return [
      way,
      String(own(way).reduce((sum, { report }) => sum + report.requests, 0)),
      String(failed.reduce((sum, count) => sum + count, 0)),
      medianOf(way, ({ latency }) => latency?.p50).toFixed(1),
      p99.toFixed(1),
      (p99 / idle).toFixed(2),
      times.length === 0 ? "-" : `${(median(times) / 1000).toFixed(1)} s`,
    ];
  });
  publish(
    "rollouts",
    [
      `${rounds} rounds of ${rollouts} rollouts, ${BROKEN.length} of them broken, under ${rate} requests a second. ${machine()}`,
      tableOf([["", "requests", "failed", "p50 ms", "p99 ms", "p99 / nothing changes", "one rollout"], ...rows]),
    ],
    points,
  );
}
