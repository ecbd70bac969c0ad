import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-bench-"));
  server = await startServer([join(EXAMPLES, "text-stats"), join(EXAMPLES, "countdown")]);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function bench(...words: string[]) {
  const ended = await nitrous(["bench", ...words, "-o", "json"], { NITROUS_SERVER: server.url });
  expect(ended).toMatchObject({ code: 0 });
  return JSON.parse(ended.stdout) as { readonly requests: number; readonly outcomes: Readonly<Record<string, number>> };
}

it("puts closed load on models, also on one that answers in a stream", async () => {
  for (const model of ["text-stats", "countdown"]) {
    const { requests, outcomes } = await bench(model, "--seconds", "0.3", "--connections", "4");
    expect(requests).toBeGreaterThan(0);
    expect(outcomes).toEqual({ 200: requests });
  }
});

it("replays a recording", async () => {
  const file = join(folder, "recording.jsonl");
  const entry = (at: number, model: string): string =>
    JSON.stringify({ at, method: "POST", path: `/v1/models/${model}:predict`, headers: {}, text: '{"instances":[1]}', outcome: "OK" });
  const heading = JSON.stringify({ nitrousRecording: 1, startedAt: "2026-11-21T10:00:00Z" });
  await writeFile(file, `${[heading, entry(10, "countdown"), entry(1, "nobody"), entry(5, "countdown")].join("\n")}\n`);
  // A busy machine may send late, which says nothing about what was sent.
  const { stdout } = await nitrous(["bench", "--replay", file, "-o", "json"], { NITROUS_SERVER: server.url });
  expect(JSON.parse(stdout)).toMatchObject({ requests: 3, outcomes: { 200: 2, 404: 1 } });
});
