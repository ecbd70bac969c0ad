import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BODY_ATTACKS, MAX_BODY_BYTES } from "../hostile/body-attacks.ts";
import { expectRefusal, NEIGHBOUR } from "../hostile/expect-refusal.ts";
import { HTTP_ATTACKS } from "../hostile/http-attacks.ts";
import { JSON_ATTACKS } from "../hostile/json-attacks.ts";
import { NAME_ATTACKS } from "../hostile/name-attacks.ts";
import { TENSOR_ATTACKS } from "../hostile/tensor-attacks.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const MODELS = {
  "free/model.mjs": "export class Model { predict({ instances }) { return { predictions: instances.length }; } }",
  "typed/model.mjs": `export class Model {
  static inputs = { x: "FP64[-1,2]" };
  static outputs = { y: "FP64[-1]" };
  predict({ x }) { return { y: x.map((row) => row[0]) }; }
}`,
  "texts/model.mjs": `export class Model {
  static inputs = { x: "BYTES[-1]" };
  predict({ x }) { return { y: x }; }
}`,
  [`${NEIGHBOUR}/model.mjs`]: "export class Model { predict() { return 1; } }",
};

/** Longer than any answer should take on a busy machine, shorter than any attack that holds the server up. */
const PROMPT_MS = 3000;
const REPETITIONS = 200;
const MOST_GROWTH = 128 * 1024 * 1024;

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-hostile-"));
  for (const [path, text] of Object.entries(MODELS)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  server = await startServer([folder], ["--max-body-bytes", String(MAX_BODY_BYTES)]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** The longest that somebody else waits for an answer while `work` is under way. */
async function longestWait(work: Promise<unknown>): Promise<number> {
  let done = false;
  void work
    .catch(() => undefined)
    .finally(() => {
      done = true;
    });
  let longest = 0;
  do {
    const start = performance.now();
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
    longest = Math.max(longest, performance.now() - start);
  } while (!done);
  return longest;
}

function residentBytes(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))?.[1]) * 1024;
}

const ALL = { HTTP: HTTP_ATTACKS, bodies: BODY_ATTACKS, JSON: JSON_ATTACKS, tensors: TENSOR_ATTACKS, names: NAME_ATTACKS };

describe.each(Object.entries(ALL))("%s", (_group, attacks) => {
  it.each(attacks)("$name: $status", async (attack) => {
    const sent = attack.send(server.url);
    const wait = await longestWait(sent);
    expectRefusal(attack, await sent, folder);
    expect(wait).toBeLessThan(PROMPT_MS);
  });
});

describe("memory stays flat", () => {
  it.each(
    Object.values(ALL)
      .flat()
      .filter(({ repeated }) => repeated),
  )("again and again: $name", async (attack) => {
    const repetitions = typeof attack.repeated === "number" ? attack.repeated : REPETITIONS;
    const times = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent++) expect((await attack.send(server.url))?.status).toBe(attack.status);
    };
    await times(repetitions / 10);
    const before = residentBytes();
    await times(repetitions);
    expect(residentBytes() - before).toBeLessThan(MOST_GROWTH);
  });
});

it("still answers, and has not noted a fault", async () => {
  const answer = await fetch(`${server.url}/v1/models/free:predict`, { method: "POST", body: '{"instances":[1,2]}' });
  expect(await answer.json()).toEqual({ predictions: 2 });
  expect(server.output()).not.toMatch(/internal error|\bat \S+ \(/);
});
