import { once } from "node:events";
import { readdirSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

let folder: string;
let server: ServerProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-inline-"));
  await cp(join(EXAMPLES, "iris-onnx"), join(folder, "iris"), { recursive: true });
});

afterEach(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

async function start(paths: readonly string[], flags: readonly string[] = []): Promise<ServerProcess> {
  server = await startServer(
    paths.map((path) => join(folder, path)),
    ["--log-level", "debug", "--state-dir", join(folder, "state"), ...flags],
  );
  await untilLoaded(server);
  return server;
}

async function outputs({ url }: ServerProcess, name: string, rows: number): Promise<unknown> {
  const data = Array.from({ length: rows * 4 }, (_, index) => (index * 7) % 5);
  const body = JSON.stringify({ inputs: [{ name: "features", datatype: "FP32", shape: [rows, 4], data }] });
  const response = await fetch(`${url}/v2/models/${name}/infer`, { method: "POST", body });
  expect(response.status).toBe(200);
  return ((await response.json()) as { outputs: unknown }).outputs;
}

async function isInline({ url }: ServerProcess, name: string): Promise<boolean> {
  return ((await (await fetch(`${url}/nitrous/models/${name}`)).json()) as { inline: boolean }).inline;
}

/** Asks, with pauses, until it is answered inline or a line says why it is not. */
async function untilDecided(running: ServerProcess, name: string): Promise<boolean> {
  for (;;) {
    for (let time = 0; time < 30; time++) await outputs(running, name, 1);
    await delay(600);
    if (await isInline(running, name)) return true;
    if (running.output().includes(`${name}/1 is not answered inline`)) return false;
  }
}

async function untilInline(running: ServerProcess): Promise<boolean> {
  for (let time = 0; time < 30; time++) await outputs(running, "iris", 1);
  return await isInline(running, "iris");
}

const markers = (): string[] => readdirSync(join(folder, "state", "inline"));

function service(name: string, annotations: string): string {
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: ${name}, annotations: { ${annotations} } }
spec: { predictor: { model: { modelFormat: { name: onnx }, storageUri: "./iris" } } }
`;
}

it("answers a tiny model as its host did, from its fiftieth answer on, until it is asked to stop", async () => {
  const running = await start(["iris"]);
  expect(await isInline(running, "iris")).toBe(false);
  const before = [await outputs(running, "iris", 1), await outputs(running, "iris", 40), await outputs(running, "iris", 5_000)];
  expect(await untilDecided(running, "iris")).toBe(true);
  expect(markers()).toHaveLength(1);
  expect([await outputs(running, "iris", 1), await outputs(running, "iris", 40), await outputs(running, "iris", 5_000)]).toEqual(before);
  const together = await Promise.all(Array.from({ length: 200 }, () => outputs(running, "iris", 40)));
  for (const each of together) expect(each).toEqual(before[1]);
  expect((await nitrous(["describe", "iris", "--server", running.url])).stdout).toContain("answered inline");
  expect(await running.stop()).toBe(0);
  expect(markers()).toEqual([]);
});

it("keeps a model out that was in the process of a server that died, and says so", async () => {
  const first = await start(["iris"]);
  expect(await untilDecided(first, "iris")).toBe(true);
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  expect(markers()).toEqual([expect.stringMatching(/^[0-9a-f]{64}-\d+-\d+\.active$/)]);
  const second = await start(["iris"]);
  expect(second.output()).toContain("while default/iris version 1 ran in its process");
  expect(await untilDecided(second, "iris")).toBe(false);
  const { stdout } = await nitrous(["describe", "iris", "--server", second.url]);
  expect(stdout).toContain(
    "not answered inline: a server died while it ran in its process; to allow that again, stop the server and remove",
  );
  expect(await second.stop()).toBe(0);
  expect(markers()).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.suspect$/)]);
  await rm(join(folder, "state", "inline"), { recursive: true });
  expect(await untilDecided(await start(["iris"]), "iris")).toBe(true);
});

it("is answered by its next host, and inline again after that one's proof, when its host is killed", async () => {
  const running = await start(["iris"]);
  expect(await untilDecided(running, "iris")).toBe(true);
  const status = async (): Promise<{ state: string; hostPid: number }> =>
    (await (await fetch(`${running.url}/nitrous/models/iris`)).json()) as { state: string; hostPid: number };
  const { hostPid } = await status();
  process.kill(hostPid, "SIGKILL");
  await expect
    .poll(status, { timeout: 30_000 })
    .toMatchObject({ state: "ready", inline: false, hostPid: expect.not.toSatisfy((pid: number) => pid === hostPid) });
  await outputs(running, "iris", 1);
  await expect.poll(() => untilInline(running), { timeout: 30_000 }).toBe(true);
  expect(markers()).toHaveLength(1);
});

it("answers an applied model when somebody trusts it, and no other; its removal takes the session away", async () => {
  await writeFile(join(folder, "trusted.yaml"), service("trusted", "nitrous/trust: code"));
  await writeFile(join(folder, "other.yaml"), service("other", ""));
  const running = await start(["trusted.yaml", "other.yaml"]);
  for (let time = 0; time < 100; time++) await outputs(running, "other", 1);
  expect(await untilDecided(running, "trusted")).toBe(true);
  expect(await isInline(running, "other")).toBe(false);
  expect((await nitrous(["delete", "trusted", "--server", running.url])).code).toBe(0);
  await expect.poll(markers, { timeout: 30_000 }).toEqual([]);
});

it("answers everything in hosts when it is told to", async () => {
  const running = await start(["iris"], ["--inline", "off"]);
  for (let time = 0; time < 100; time++) await outputs(running, "iris", 1);
  await delay(1_000);
  expect(await isInline(running, "iris")).toBe(false);
});
