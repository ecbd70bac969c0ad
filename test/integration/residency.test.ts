import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

let server: ServerProcess;
const NAMES = ["iris-onnx", "text-stats", "breast-cancer"];

beforeAll(async () => {
  server = await startServer(
    NAMES.map((name) => join(EXAMPLES, name)),
    ["--max-concurrent-models", "2", "--inline", "off"],
  );
  await untilLoaded(server);
});
afterAll(() => server?.stop());

async function states(): Promise<Record<string, string>> {
  const all = await Promise.all(NAMES.map(async (name) => [name, (await status(name)).state] as const));
  return Object.fromEntries(all);
}

/** From the resources: to ask for the model itself would load it. */
async function status(name: string): Promise<{ state: string }> {
  const { body } = await ask(server.url, `/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/${name}`);
  const { activeModelState } = (body as { status: { modelStatus: { states: { activeModelState: string } } } }).status.modelStatus.states;
  return { state: activeModelState };
}

const command = (...words: string[]): ReturnType<typeof nitrous> => nitrous([...words, "--server", server.url]);

it("has as many models loaded as may be, and answers for all of them", async () => {
  expect(Object.values(await states()).filter((state) => state === "Loaded")).toHaveLength(2);
  for (const name of [...NAMES, ...NAMES]) {
    const { code, stderr } = await command("infer", name);
    expect({ name, code, stderr }).toMatchObject({ code: 0 });
    expect((await states())[name]).toBe("Loaded");
  }
  expect(Object.values(await states()).filter((state) => state === "Loaded")).toHaveLength(2);
  const { stdout } = await command("events");
  expect(stdout).toMatch(
    /Evicted +InferenceService\/\S+ +evicted: default\/\S+ needed room for one model more, and default\/\S+ costs least to load again: it was last asked for/,
  );
});

it("loads and evicts on request", async () => {
  const { body } = await ask(server.url, "/nitrous/models/iris-onnx/load", {});
  expect(body).toMatchObject({ name: "iris-onnx", state: "ready" });
  await expect
    .poll(async () => (await command("evict", "iris-onnx")).stdout)
    .toBe("iris-onnx version 1 is standby: evicted on request; it loads at its next request\n");
  expect((await states())["iris-onnx"]).toBe("Standby");
  expect(await command("load", "iris-onnx")).toMatchObject({ code: 0, stdout: "iris-onnx version 1 is ready\n" });
  expect((await command("evict", "nothing")).stderr).toContain("Model with name nothing does not exist");
});
