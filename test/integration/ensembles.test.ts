import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = await readFile(`${root}docs/ensembles.md`, "utf8");
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([`${root}examples/ensemble/models`]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
});

interface Counts {
  readonly name: string;
  readonly inference_count: number;
  readonly execution_count: number;
}

async function counts(): Promise<ReadonlyMap<string, Counts>> {
  const { model_stats: models } = (await ask(server.url, "/v2/models/stats")).body as { readonly model_stats: readonly Counts[] };
  return new Map(models.map((model) => [model.name, model]));
}

function text(...data: readonly string[]): unknown {
  return { inputs: [{ name: "TEXT", datatype: "BYTES", shape: [data.length, 1], data }] };
}

it("loads after its models", () => {
  expect(server.output()).toContain("4 of 4 models are ready");
});

it.each(consoleCommands(page))("docs/ensembles.md: $command", async ({ command, output }) => {
  const printed = await run(["sh", "-c", command.replaceAll("http://127.0.0.1:8080", server.url)], {});
  expect(printed.trimEnd()).toMatch(expectedOutput(output));
});

it("has many requests share the calls of each model, and gives each its own answer", async () => {
  const before = await counts();
  const words = ["good", "bad", "great", "awful"];
  const answers = await Promise.all(
    Array.from({ length: 64 }, (_, index) => ask(server.url, "/v2/models/mood/infer", text(words[index % 4] ?? ""))),
  );
  const scores = answers.map(({ body }) => (body as { outputs: ReadonlyArray<{ data: number[] }> }).outputs[1]?.data[0]);
  expect(scores).toEqual(Array.from({ length: 64 }, (_, index) => [1, -1, 2, -2][index % 4]));
  const after = await counts();
  const change = (name: string, count: "inference_count" | "execution_count"): number =>
    (after.get(name)?.[count] ?? 0) - (before.get(name)?.[count] ?? 0);
  for (const name of ["mood", "split-words", "word-scores", "verdict"]) expect(change(name, "inference_count")).toBe(64);
  expect(change("mood", "execution_count")).toBe(64);
  for (const name of ["split-words", "word-scores", "verdict"]) expect(change(name, "execution_count")).toBeLessThan(64);
});

it("is not ready without one of its models, says which, and comes back with it", async () => {
  await ask(server.url, "/v2/repository/models/word-scores/unload", {});
  expect((await ask(server.url, "/v2/models/mood/ready")).status).toBe(503);
  expect(await ask(server.url, "/v2/models/mood/infer", text("good"))).toMatchObject({
    status: 503,
    body: { error: expect.stringContaining("ensemble 'mood' depends on 'word-scores' which has no loaded version") },
  });
  await ask(server.url, "/v2/repository/models/word-scores/load", {});
  expect((await ask(server.url, "/v2/models/mood/infer", text("good"))).status).toBe(200);
});
