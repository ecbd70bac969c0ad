import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { createManifestFolder, type ManifestFolder, serviceText } from "../manifest-files.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { applyReady, ask, serviceAt, untilService } from "../service-process.ts";

/** Old and new version of the example disagree about this flower. */
const FLOWER = { instances: [[6.3, 2.8, 5.1, 1.5]] };
const FIRST = { predictions: [2] };
const SECOND = { predictions: [1] };

let folder: ManifestFolder;
let state: string;
let servers: ServerProcess[];

beforeAll(async () => {
  folder = await createManifestFolder();
  state = await mkdtemp(join(tmpdir(), "nitrous-restarts-"));
  servers = [];
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await folder.remove();
  await rm(state, { recursive: true, force: true });
});

async function start(...[paths, flags, surroundings]: Parameters<typeof startServer>): Promise<ServerProcess> {
  const server = await startServer(paths, flags, surroundings);
  servers.push(server);
  return server;
}

async function predict({ url }: ServerProcess, name: string): Promise<unknown> {
  return (await ask(url, `/v1/models/${name}:predict`, FLOWER)).body;
}

it("brings everything back after SIGKILL, also a service whose newest generation is broken", async () => {
  const killed = await start([], ["--state-dir", state]);
  const good = serviceText({ name: "good", format: "sklearn", uri: "models/iris/2" });
  const runtime = JSON.stringify({
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: { name: "own", namespace: "default", annotations: { "nitrous/host": "python" } },
    spec: { supportedModelFormats: [{ name: "own-format" }], containers: [{ name: "kserve-container", image: "example/own:1" }] },
  });
  const before = serviceText({ name: "broken-later", format: "sklearn", uri: "models/iris/1" });
  await applyReady(killed.url, [await folder.write("all.yaml", [good, runtime, before].join("\n---\n"))]);
  const broken = await folder.write("broken.yaml", serviceText({ name: "broken-later", format: "sklearn", uri: "models/nothing" }));
  expect((await nitrous(["apply", "--server", killed.url, "-f", broken, "--wait"])).code).toBe(1);
  const uid = (await serviceAt(killed.url, "good"))?.metadata;

  const exited = once(killed.child, "exit");
  killed.child.kill("SIGKILL");
  await exited;
  const again = await start([], ["--state-dir", state]);
  await untilLoaded(again);

  expect(again.output()).toMatch(/Restored from the state: .*2 InferenceServices \(broken-later, good\)/);
  expect(again.output()).toMatch(/Restored from the state: .*1 ServingRuntime \(own\)/);
  expect((await serviceAt(again.url, "good"))?.metadata).toEqual({ ...uid, resourceVersion: expect.any(String) as string });
  expect(await predict(again, "good")).toEqual(SECOND);
  expect(await predict(again, "broken-later")).toEqual(FIRST);
  const service = await untilService(
    again.url,
    "broken-later",
    ({ status }) => status?.modelStatus.transitionStatus === "BlockedByFailedLoad",
  );
  expect(service.status).toMatchObject({
    observedGeneration: 2,
    modelStatus: { lastFailureInfo: { message: expect.stringMatching(/there is no .*nothing/) as string } },
    nitrous: { servingGeneration: 1 },
  });
  expect((await ask(again.url, "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes/own")).status).toBe(200);
});

it("refuses a state directory that another server has, and says who has it and what to do", async () => {
  const [server] = servers.slice(-1);
  const { code, stdout, stderr } = await nitrous(["serve", "--http-port", "0", "--state-dir", state]);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain(state);
  expect(stderr).toContain(String(server?.child.pid));
  expect(stderr).toMatch(/--state-dir/);
  expect(stderr).not.toMatch(/^\s+at /m);
});

it("serves models on a temporary state while another server has the default one, and says so", async () => {
  const home = await mkdtemp(join(tmpdir(), "nitrous-home-"));
  const surroundings = { environment: { HOME: home, USERPROFILE: home }, defaultState: true };
  try {
    const first = await start([], [], surroundings);
    await untilUp(first);
    const second = await start([join(EXAMPLES, "iris")], [], surroundings);
    await untilLoaded(second);
    expect(second.output()).toContain(`another nitrous server uses the state directory ${join(home, ".nitrous")}`);
    expect(second.output()).toContain("what is applied to this one is forgotten when it ends");
    expect(await predict(second, "iris")).toEqual(SECOND);
    // Without models there would be nothing to do but use the state.
    const third = await nitrous(["serve", "--http-port", "0"], surroundings.environment);
    expect(third.code).toBe(1);
    expect(third.stderr).toContain(join(home, ".nitrous"));
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(home, { recursive: true, force: true });
  }
});

/** A server without models has no more to say than this. */
async function untilUp(server: ServerProcess): Promise<void> {
  while (!server.output().includes("nitrous serves at")) await new Promise((resolve) => setTimeout(resolve, 50));
}
