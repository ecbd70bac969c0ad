import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { isReady, serviceAt, untilService } from "../service-process.ts";
import { randomFrom } from "./random.ts";
import { OPERATIONS } from "./soak-clients.ts";
import type { Soak } from "./soak-http.ts";
import { Kills } from "./soak-kills.ts";
import { agent, LEAVERS } from "./soak-leavers.ts";
import { descendants, openFiles, residentMebibytes, strays } from "./soak-processes.ts";
import { median, Tally } from "./soak-tally.ts";

const SECONDS = Number(process.env.NITROUS_SOAK_SECONDS ?? 600);
const SEED = Number(process.env.NITROUS_SEED ?? 1);
const CLIENTS = 8;
const CHANGE_EVERY = 7_000;
const SAMPLE_EVERY = Math.min(10_000, (SECONDS * 1000) / 10);
/** What a warm server may still grow by: fragments, caches, the code of rarely used paths. */
const MOST_GROWTH = 1.3;
const MOST_FILES = 40;
/** After so many the run ends early: the rest would only repeat them. */
const MOST_FAILURES = 20;
const MODELS = [
  ...[
    "iris-onnx",
    "countdown",
    "iris/versions/1",
    "iris/versions/2",
    "iris",
    "text-stats",
    "diabetes",
    "wine",
    "sentiment",
    "breast-cancer",
  ],
  ...["changing", "standing-by"],
];
const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([EXAMPLES]);
  await untilLoaded(server);
  await apply("changing", "sklearn", "iris/1", 1);
  await apply("standing-by", "onnx", "iris-onnx", 0);
  await untilService(server.url, "changing", isReady);
});

afterAll(async () => {
  await server?.stop("SIGKILL");
});

async function apply(name: string, format: string, model: string, minReplicas: number): Promise<void> {
  const predictor = { minReplicas, model: { modelFormat: { name: format }, storageUri: join(EXAMPLES, model) } };
  const body = JSON.stringify({
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace: "default" },
    spec: { predictor },
  });
  const exists = (await serviceAt(server.url, name)) !== undefined;
  const url = server.url + SERVICES + (exists ? `/${name}` : "");
  const response = await fetch(url, { method: exists ? "PUT" : "POST", body, headers: { "Content-Type": "application/json" } });
  expect([200, 201], await response.text()).toContain(response.status);
}

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

const budget = { timeout: SECONDS * 1000 + 300_000 };

it(`answers everything right for ${SECONDS} s of load, kills and clients that leave (seed ${SEED})`, budget, async () => {
  const pid = server.child.pid as number;
  const random = randomFrom(SEED);
  const kills = new Kills({ url: server.url, pid }, MODELS);
  let number = 0;
  // While it is deleted or loads, the one that comes and goes may say so; the others only after a kill.
  const isExcused = (model: string): boolean => model === "passing" || kills.isExcused(model);
  const soak: Soak = { url: server.url, random, unique: () => ++number, isExcused };
  const operations = Object.entries({ ...OPERATIONS, ...LEAVERS });
  const tally = new Tally();
  const failures: string[] = [];
  const begin = Date.now();
  const end = begin + SECONDS * 1000;
  const before = { processes: descendants(pid).length, files: openFiles(pid) };
  const memory: number[] = [];
  const lag: number[] = [];
  let changes = 0;

  const isOver = (): boolean => Date.now() >= end || failures.length >= MOST_FAILURES;
  const client = async (): Promise<void> => {
    while (!isOver()) {
      const [kind, operate] = operations[Math.floor(random() * operations.length)] as (typeof operations)[number];
      const started = performance.now();
      const outcome = await operate(soak).catch((error: unknown) => {
        failures.push(`${((Date.now() - begin) / 1000).toFixed(1)} s, ${kind}: ${error instanceof Error ? error.message : error}`);
        return "failed";
      });
      tally.add(kind, outcome, performance.now() - started);
    }
  };
  const every = async (milliseconds: () => number, task: () => Promise<void>): Promise<void> => {
    for (;;) {
      const wait = milliseconds();
      if (Date.now() + wait >= end || isOver()) return;
      await delay(wait);
      await task();
    }
  };
  const change = async (): Promise<void> => {
    changes++;
    await apply("changing", "sklearn", `iris/${1 + (changes % 2)}`, 1);
    if (changes % 2 === 0) await apply("passing", "onnx", "iris-onnx", 1);
    else await fetch(`${server.url}${SERVICES}/passing`, { method: "DELETE" });
  };
  const sample = async (): Promise<void> => {
    memory.push(residentMebibytes(pid));
    lag.push(await metric(/^nitrous_event_loop_lag_seconds (\S+)/m));
  };
  await Promise.all([
    ...Array.from({ length: CLIENTS }, client),
    every(
      () => 3_000 + random() * 5_000,
      () => kills.kill(random),
    ),
    every(() => CHANGE_EVERY, change),
    every(() => SAMPLE_EVERY, sample),
  ]);

  await fetch(`${server.url}${SERVICES}/passing`, { method: "DELETE" });
  agent.destroy();
  // The last change may still be loading beside the version that answers.
  await untilService(server.url, "changing", isReady);
  const quiet = Date.now();
  for (;;) {
    const health = (await (await fetch(`${server.url}/health/ready`)).json()) as { models: Record<string, number> };
    const others = Object.entries(health.models).filter(([state]) => state !== "ready");
    if (others.length === 0 && (await metric(/^nitrous_requests_in_flight (\S+)/m)) === 0) break;
    expect(Date.now() - quiet, `after the load: ${JSON.stringify(health)}`).toBeLessThan(90_000);
    await delay(500);
  }
  // The version that was replaced may still end.
  await delay(5_000);
  const left = descendants(pid);
  const astray = strays(left, new Set((await kills.hosts()).values()));
  const zombies = left.filter(({ zombie }) => zombie);
  const after = { processes: left.length, files: openFiles(pid) };
  const warm = Math.floor(Math.min(120_000, (SECONDS * 1000) / 4) / SAMPLE_EVERY);
  const grown = { from: median(memory.slice(warm, warm + 5)), to: median(memory.slice(-5)) };
  console.info(
    [
      `${tally.total()} requests, ${kills.count} kills, ${changes} changes, ${tally.total("disconnected")} disconnects`,
      ...tally.lines(),
      `resident memory of the server every ${SAMPLE_EVERY / 1000} s, MiB: ${memory.join(" ")}`,
      `  median of five from the second minute on ${grown.from}, of the last five ${grown.to}, bound ${Math.round(grown.from * MOST_GROWTH)}`,
      `event loop lag (p99), largest of ${lag.length}: ${(Math.max(...lag) * 1000).toFixed(1)} ms, median ${(median(lag) * 1000).toFixed(1)} ms`,
      `processes ${before.processes} -> ${after.processes}, files ${before.files} -> ${after.files}`,
      `astray ${astray.length}, zombies ${zombies.length}, failures ${failures.length}`,
      ...astray.map(({ pid: each, parent, command }) => `  astray: ${each} of ${parent}: ${command.slice(0, 120)}`),
      ...failures,
    ].join("\n"),
  );
  expect(failures).toEqual([]);
  expect(kills.count).toBeGreaterThan(0);
  expect(zombies).toEqual([]);
  expect(astray.map(({ command }) => command.slice(-120))).toEqual([]);
  expect(after.files).toBeLessThan(before.files + MOST_FILES);
  expect(grown.to).toBeLessThan(grown.from * MOST_GROWTH);
  expect(await server.stop()).toBe(0);
  for (const { pid: each } of left) expect(() => process.kill(each, 0), `process ${each} is left`).toThrow();
});
