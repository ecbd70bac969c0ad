import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { isReady, serviceAt, untilService } from "../service-process.ts";
import { randomFrom } from "./random.ts";
import { OPERATIONS, type Soak } from "./soak-clients.ts";

const SECONDS = Number(process.env.NITROUS_SOAK_SECONDS ?? 600);
const SEED = Number(process.env.NITROUS_SEED ?? 1);
const CLIENTS = 8;
/** Milliseconds between kills; they go round, so that no model dies twice within a minute and is given up. */
const KILL_EVERY = 9_000;
const CHANGE_EVERY = 7_000;
const SAMPLE_EVERY = Math.min(10_000, (SECONDS * 1000) / 10);
/** What a warm server may still grow by: fragments, caches, the code of rarely used paths. */
const MOST_GROWTH = 1.3;
const MOST_FILES = 40;
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

/** All processes below the server. */
function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => {
    try {
      return [child, ...descendants(child)];
    } catch {
      return [];
    }
  });
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

const budget = { timeout: SECONDS * 1000 + 300_000 };

it(`answers everything right for ${SECONDS} s of load, kills and clients that leave (seed ${SEED})`, budget, async () => {
  const pid = server.child.pid as number;
  const random = randomFrom(SEED);
  let number = 0;
  const soak: Soak = { url: server.url, random, unique: () => ++number };
  const names = Object.keys(OPERATIONS);
  const counts = new Map<string, number>();
  const durations: number[] = [];
  const end = Date.now() + SECONDS * 1000;
  const before = { processes: descendants(pid).length, files: readdirSync(`/proc/${pid}/fd`).length };
  const memory: number[] = [];
  const lag: number[] = [];
  let kills = 0;
  let changes = 0;

  const client = async (): Promise<void> => {
    while (Date.now() < end) {
      const name = names[Math.floor(random() * names.length)] as string;
      const started = performance.now();
      const outcome = await OPERATIONS[name]?.(soak);
      if (outcome === "answered" && !/watch|leaves/.test(name)) durations.push(performance.now() - started);
      const key = `${name}: ${outcome}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  const every = async (milliseconds: number, task: () => Promise<void>): Promise<void> => {
    while (Date.now() + milliseconds < end) {
      await delay(milliseconds);
      await task();
    }
  };
  const victims = ["iris-onnx", "countdown", "iris", "text-stats", "changing", "diabetes", "wine", "sentiment", "breast-cancer"];
  const kill = async (): Promise<void> => {
    const name = victims[kills % victims.length] as string;
    const { hostPid } = (await (await fetch(`${server.url}/nitrous/models/${name}`)).json()) as { hostPid?: number };
    if (hostPid !== undefined) process.kill(hostPid, "SIGKILL");
    kills++;
  };
  const change = async (): Promise<void> => {
    changes++;
    await apply("changing", "sklearn", `iris/${1 + (changes % 2)}`, 1);
    if (changes % 2 === 0) await apply("passing", "onnx", "iris-onnx", 1);
    else await fetch(`${server.url}${SERVICES}/passing`, { method: "DELETE" });
  };
  const sample = async (): Promise<void> => {
    memory.push(Math.round(memoryOf(pid)));
    lag.push(await metric(/^nitrous_event_loop_lag_seconds (\S+)/m));
  };
  await Promise.all([
    ...Array.from({ length: CLIENTS }, client),
    every(KILL_EVERY, kill),
    every(CHANGE_EVERY, change),
    every(SAMPLE_EVERY, sample),
  ]);

  await fetch(`${server.url}${SERVICES}/passing`, { method: "DELETE" });
  const started = Date.now();
  for (;;) {
    const health = (await (await fetch(`${server.url}/health/ready`)).json()) as { models: Record<string, number> };
    const others = Object.entries(health.models).filter(([state]) => state !== "ready");
    if (others.length === 0 && (await metric(/^nitrous_requests_in_flight (\S+)/m)) === 0) break;
    expect(Date.now() - started, `after the load: ${JSON.stringify(health)}`).toBeLessThan(90_000);
    await delay(500);
  }
  await delay(1_000);
  durations.sort((left, right) => left - right);
  const at = (share: number): string => (durations[Math.floor(durations.length * share)] ?? 0).toFixed(1);
  const lines = [...counts].sort().map(([key, count]) => `  ${key}: ${count}`);
  const after = { processes: descendants(pid).length, files: readdirSync(`/proc/${pid}/fd`).length };
  console.info(
    [
      `${[...counts.values()].reduce((sum, count) => sum + count, 0)} requests, ${kills} kills, ${changes} changes`,
      ...lines,
      `answered in ${at(0.5)} ms (p50), ${at(0.99)} ms (p99), ${at(1 - 1 / Math.max(durations.length, 1))} ms (max)`,
      `resident memory of the server every ${SAMPLE_EVERY / 1000} s, MiB: ${memory.join(" ")}`,
      `event loop lag (p99), largest: ${(Math.max(...lag) * 1000).toFixed(1)} ms`,
      `processes ${before.processes} -> ${after.processes}, files ${before.files} -> ${after.files}`,
    ].join("\n"),
  );
  // The one that stood by has loaded: a launcher, the first process of its namespace, and a host.
  expect(after.processes).toBeLessThanOrEqual(before.processes + 3);
  expect(after.files).toBeLessThan(before.files + MOST_FILES);
  const warm = memory[Math.floor(memory.length / 4)] ?? 0;
  expect(memory.at(-1) ?? 0).toBeLessThan(warm * MOST_GROWTH);
  const left = descendants(pid);
  expect(await server.stop()).toBe(0);
  for (const each of left) expect(() => process.kill(each, 0), `process ${each} is left`).toThrow();
});
