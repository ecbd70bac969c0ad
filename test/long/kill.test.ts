import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CACHE_DIRECTORY, EXAMPLES, MAIN } from "../server-process.ts";
import { randomFrom } from "./random.ts";

/** How often the server is killed. */
const KILLS = Number(process.env.NITROUS_KILLS ?? 50);
/** The same seed does the same things in the same order; when the kernel gets round to the kill differs. */
const SEED = Number(process.env.NITROUS_SEED ?? 1);
const NAMES = ["a", "b", "c", "d", "e", "f"];
const WRITERS = 3;
/** Some kills come before the server listens, most while it writes. */
const LONGEST_LIFE_MS = 400;

/** What the server has acknowledged of a name last, and what it was asked for and has not answered. */
interface Expectation {
  acknowledged: string | undefined;
  underWay: { readonly wanted: string | undefined } | undefined;
}

let state: string;
let running: ChildProcess | undefined;

beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "nitrous-kill-"));
});

afterAll(() => {
  running?.kill("SIGKILL");
  rmSync(state, { recursive: true, force: true });
});

function start(): { child: ChildProcess; listening: Promise<string>; output: () => string } {
  const flags = ["--http-port", "0", "--cache-dir", CACHE_DIRECTORY, "--state-dir", state];
  const child = spawn(process.execPath, [MAIN, "serve", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  const listening = new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const url = /listening on (https?:\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", () => reject(new Error(output)));
  });
  listening.catch(() => undefined);
  running = child;
  return { child, listening, output: () => output };
}

function document(name: string, mark: string) {
  // Without replicas nothing is loaded: this test is about what is written.
  const predictor = {
    minReplicas: 0,
    model: { modelFormat: { name: "onnx" }, protocolVersion: "v2", storageUri: join(EXAMPLES, "iris-onnx") },
  };
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace: "default" },
    spec: { predictor: { ...predictor, timeout: Number(mark) } },
  };
}

async function markOf(url: string, name: string): Promise<string | undefined> {
  const response = await fetch(`${url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/${name}`);
  if (response.status === 404) return undefined;
  const { spec } = (await response.json()) as { spec: { predictor: { timeout: number } } };
  return String(spec.predictor.timeout);
}

/** Creates, updates or deletes until the server is gone. Each writer has its own names, so that it knows what to expect. */
async function write(url: string, names: readonly string[], expectations: Map<string, Expectation>, random: () => number): Promise<void> {
  const collection = `${url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices`;
  for (;;) {
    const name = names[Math.floor(random() * names.length)] as string;
    const expectation = expectations.get(name) as Expectation;
    const exists = expectation.acknowledged !== undefined;
    const deletes = exists && random() < 0.3;
    const wanted = deletes ? undefined : String(Math.floor(random() * 1e9));
    expectation.underWay = { wanted };
    const body = wanted === undefined ? null : JSON.stringify(document(name, wanted));
    const method = deletes ? "DELETE" : exists ? "PUT" : "POST";
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(exists ? `${collection}/${name}` : collection, { method, body, headers });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${name}: ${response.status} ${text}`);
    } catch (error) {
      if (error instanceof TypeError) return;
      throw error;
    }
    expectation.acknowledged = wanted;
    expectation.underWay = undefined;
  }
}

it(`keeps every acknowledged change over ${KILLS} kills (seed ${SEED})`, { timeout: 120_000 + KILLS * 10_000 }, async () => {
  const random = randomFrom(SEED);
  const expectations = new Map(NAMES.map((name) => [name, { acknowledged: undefined, underWay: undefined } as Expectation]));
  let changes = 0;
  let undecided = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, listening, output } = start();
    const exited = once(child, "exit");
    const beforeListening = random() < 0.1;
    if (beforeListening) await delay(random() * LONGEST_LIFE_MS);
    else {
      const url = await listening;
      for (const [name, expectation] of expectations) {
        const found = await markOf(url, name);
        const { acknowledged, underWay } = expectation;
        if (underWay === undefined) expect(found, `${name} after kill ${kill}`).toBe(acknowledged);
        else expect([acknowledged, underWay.wanted], `${name} after kill ${kill}`).toContain(found);
        if (underWay !== undefined) undecided++;
        if (found !== acknowledged) changes++;
        expectations.set(name, { acknowledged: found, underWay: undefined });
      }
      const writers = Array.from({ length: WRITERS }, (_, writer) => {
        const own = NAMES.filter((_name, index) => index % WRITERS === writer);
        return write(url, own, expectations, random);
      });
      await Promise.race([delay(random() * LONGEST_LIFE_MS), ...writers]);
      child.kill("SIGKILL");
      await Promise.all(writers);
    }
    child.kill("SIGKILL");
    await exited;
    expect(output()).not.toMatch(/damaged|error/i);
  }
  console.info(`${undecided} changes were under way at a kill; ${changes} of them had been stored`);
  // Otherwise no kill has hit a change, and nothing was tested.
  expect(undecided).toBeGreaterThan(0);
});
