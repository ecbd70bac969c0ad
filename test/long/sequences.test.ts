import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeTritonRepository } from "../../conformance/triton-repository.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { randomFrom } from "./random.ts";
import { Kills } from "./soak-kills.ts";

const KILLS = 6;
const PAUSE_MS = 4000;
const SEED = Number(process.env.NITROUS_SEED ?? 1);
/** One keeps its state in the server and has two replicas, the other keeps it in its process. */
const MODELS = ["totals", "totals_of_texts"] as const;
const CLIENTS = 6;
const LENGTH = 12;

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-long-sequences-"));
  await writeTritonRepository(folder);
  server = await startServer([folder], ["--model-control", "explicit", ...MODELS.flatMap((name) => ["--load-model", name])]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Step {
  readonly id: number | string;
  readonly start: boolean;
  readonly end: boolean;
}

async function ask(model: string, { id, start, end }: Step, value: number): Promise<{ status: number; total: number; error: string }> {
  const parameters = { sequence_id: id, sequence_start: start, sequence_end: end };
  const inputs = [{ name: "IN", datatype: "INT32", shape: [1, 1], data: [value] }];
  const body = JSON.stringify({ parameters, inputs, outputs: [{ name: "OUT" }] });
  const response = await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body });
  const answer = (await response.json()) as { readonly error?: string; readonly outputs?: ReadonlyArray<{ readonly data: number[] }> };
  return { status: response.status, total: answer.outputs?.[0]?.data[0] ?? Number.NaN, error: answer.error ?? "" };
}

it("answer what they have been given themselves or say that they are gone, whatever is killed", { timeout: 300_000 }, async () => {
  const random = randomFrom(SEED);
  const kills = new Kills({ url: server.url, pid: server.child.pid as number }, MODELS);
  let isOver = false;
  const failures = new Map<string, number>();
  const whole = new Map<string, number>();
  const wrong: string[] = [];

  const client = async (model: string, number: number): Promise<void> => {
    const id = model === "totals" ? number + 1 : `client ${number}`;
    while (!isOver) {
      let expected = 0;
      let step = 0;
      for (; step < LENGTH; step++) {
        const value = Math.floor(random() * 1000);
        expected += value;
        const end = step === LENGTH - 1;
        const { status, total, error } = await ask(model, { id, start: step === 0, end }, value);
        if (status !== 200) {
          // What a client that begins anew at 409 and tries again at 503 can live with.
          failures.set(`${status}`, (failures.get(`${status}`) ?? 0) + 1);
          const isClear = status === 503 || (status === 409 && error.includes("begin")) || (status === 400 && error.includes("START flag"));
          if (!isClear) wrong.push(`${model} ${id}: ${status} ${error}`);
          await delay(50);
          break;
        }
        const wanted = end && typeof id === "string" ? expected + id.length : expected;
        if (total !== wanted) wrong.push(`${model} ${id}: ${total} at step ${step}, expected ${wanted}`);
      }
      if (step === LENGTH) whole.set(model, (whole.get(model) ?? 0) + 1);
    }
  };

  const clients = MODELS.flatMap((model) => Array.from({ length: CLIENTS }, (_, number) => client(model, number)));
  const counts: number[] = [];
  while (kills.count < KILLS) {
    await delay(PAUSE_MS);
    counts.push([...whole.values()].reduce((sum, count) => sum + count, 0));
    await kills.kill(random);
  }
  await delay(2 * PAUSE_MS);
  isOver = true;
  await Promise.all(clients);
  expect(wrong).toEqual([]);
  expect(failures.size).toBeGreaterThan(0);
  expect([...whole.keys()].sort()).toEqual([...MODELS]);
  // They go on after each kill.
  expect(counts.every((count, index) => index === 0 || count > (counts[index - 1] ?? 0))).toBe(true);
});
