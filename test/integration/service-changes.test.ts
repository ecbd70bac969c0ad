import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { createManifestFolder, type ManifestFolder, type ServiceText, serviceText } from "../manifest-files.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { type Answer, applyReady, ask, isReady, type ServiceObject, serviceAt, untilService } from "../service-process.ts";

/** The two versions of the example disagree about this flower. */
const FLOWER = { instances: [[6.3, 2.8, 5.1, 1.5]] };
const ANSWERS = { 1: { predictions: [2] }, 2: { predictions: [1] } } as const;
const WORKERS = 4;

let folder: ManifestFolder;
let server: ServerProcess;

beforeAll(async () => {
  folder = await createManifestFolder();
  server = await startServer([]);
});

/** What a test leaves would load again with each change of a runtime. */
afterEach(async () => {
  const all = `${server.url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices`;
  const { items } = (await (await fetch(all)).json()) as { items: readonly ServiceObject[] };
  for (const { metadata } of items) expect((await fetch(`${all}/${metadata.name}`, { method: "DELETE" })).status).toBe(200);
});

afterAll(async () => {
  await server?.stop();
  await folder?.remove();
});

async function apply(text: Omit<ServiceText, "format"> & { format?: string }): Promise<string> {
  return await applyReady(server.url, [await write(text)]);
}

function write(text: Omit<ServiceText, "format"> & { format?: string }): Promise<string> {
  return folder.write(`${text.name}.yaml`, serviceText({ format: "sklearn", ...text }));
}

function predict(name: string): Promise<Answer> {
  return ask(server.url, `/v1/models/${name}:predict`, FLOWER);
}

function readyMessage({ status }: ServiceObject): string | undefined {
  return status?.conditions.find(({ type }) => type === "Ready")?.message;
}

/** Processes that the server has started and that still run. */
async function children(): Promise<string[]> {
  // pgrep ends with 1 when there is none.
  const { stdout } = await promisify(execFile)("pgrep", ["-P", String(server.child.pid)]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter((line) => line !== "");
}

/** Sends requests without a pause, some at a time, until `end` settles; answers them in the order of their ends. */
async function requestsUntil(name: string, end: Promise<unknown>): Promise<Answer[]> {
  const answers: Answer[] = [];
  let ended = false;
  void end.finally(() => {
    ended = true;
  });
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      while (!ended) answers.push(await predict(name));
    }),
  );
  await end;
  return answers;
}

it("changes from one model to the next while requests flow, and loses none", async () => {
  await apply({ name: "rolling", uri: "models/iris/1" });
  expect((await predict("rolling")).body).toEqual(ANSWERS[1]);
  const change = apply({ name: "rolling", uri: "models/iris/2" });
  // What comes after the change is asked too.
  const answers = await requestsUntil(
    "rolling",
    change.then(() => delay(100)),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const versions = new Set(answers.map(({ body }) => JSON.stringify(body)));
  expect(versions).toEqual(new Set([JSON.stringify(ANSWERS[1]), JSON.stringify(ANSWERS[2])]));
  expect(answers.at(-1)?.body).toEqual(ANSWERS[2]);
  expect((await predict("rolling")).body).toEqual(ANSWERS[2]);
});

it("lets the old model answer on when the new one cannot be loaded, and says why", async () => {
  await apply({ name: "blocked", uri: "models/iris/1" });
  const file = await write({ name: "blocked", uri: "models/iris-3" });
  const change = nitrous(["apply", "--server", server.url, "-f", file, "--wait"]);
  const answers = await requestsUntil("blocked", change);
  expect(new Set(answers.map(({ body }) => JSON.stringify(body)))).toEqual(new Set([JSON.stringify(ANSWERS[1])]));
  const { code, stderr } = await change;
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is no .*iris-3/);
  const service = await serviceAt(server.url, "blocked");
  expect(service?.status).toMatchObject({
    observedGeneration: 2,
    modelStatus: {
      transitionStatus: "BlockedByFailedLoad",
      states: { activeModelState: "Loaded", targetModelState: "FailedToLoad" },
      lastFailureInfo: { reason: "ModelLoadFailed", message: expect.stringMatching(/there is no .*iris-3/) as string },
    },
    nitrous: { servingGeneration: 1 },
  });
  expect(service?.status?.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
  // What is put right serves again.
  await apply({ name: "blocked", uri: "models/iris/2" });
  expect((await predict("blocked")).body).toEqual(ANSWERS[2]);
});

it("loads nothing of a service without replicas before its first request", async () => {
  const before = new Set(await children());
  const newChildren = async () => (await children()).filter((child) => !before.has(child));
  await apply({ name: "standby", uri: "models/iris/2", minReplicas: 0 });
  const service = await serviceAt(server.url, "standby");
  expect(service?.status?.modelStatus.states).toEqual({ activeModelState: "Standby", targetModelState: "Standby" });
  expect(await newChildren()).toEqual([]);
  expect(await predict("standby")).toEqual({ status: 200, body: ANSWERS[2] });
  expect((await serviceAt(server.url, "standby"))?.status?.modelStatus.states.activeModelState).toBe("Loaded");
  expect(await newChildren()).toHaveLength(1);
});

it("finishes what is under way when a service is deleted, and knows it no more", async () => {
  const code = "import time\nclass Model:\n    def predict(self, x):\n        time.sleep(0.7)\n        return ['done']\n";
  await mkdir(`${folder.models}/slow`);
  await writeFile(`${folder.models}/slow/model.py`, code);
  await apply({ name: "slow", format: "python", uri: "models/slow", annotations: { "nitrous/trust": "code" } });
  const underWay = ask(server.url, "/v1/models/slow:predict", { instances: [1] });
  await delay(200);
  const { code: ended, stdout } = await nitrous(["delete", "--server", server.url, "slow"]);
  expect(stdout).toContain("deleted");
  expect(ended).toBe(0);
  expect((await ask(server.url, "/v1/models/slow:predict", { instances: [1] })).status).toBe(404);
  expect(await underWay).toEqual({ status: 200, body: { predictions: ["done"] } });
  expect(await serviceAt(server.url, "slow")).toBeUndefined();
});

it("stops a service by KServe's annotation and starts it again without it", async () => {
  await apply({ name: "stopped", uri: "models/iris/1" });
  const running = (await children()).length;
  await apply({ name: "stopped", uri: "models/iris/1", annotations: { "serving.kserve.io/stop": "true" } });
  const stopped = await untilService(server.url, "stopped", ({ status }) =>
    Boolean(status?.conditions.some(({ type, status: value }) => type === "Stopped" && value === "True")),
  );
  expect(readyMessage(stopped)).toMatch(/stop/);
  const refused = await predict("stopped");
  expect(refused.status).toBe(503);
  expect(JSON.stringify(refused.body)).toContain("serving.kserve.io/stop");
  while ((await children()).length >= running) await delay(50);
  await apply({ name: "stopped", uri: "models/iris/1" });
  expect((await predict("stopped")).body).toEqual(ANSWERS[1]);
});

function runtimeText(name: string, annotations: Record<string, string>, image?: string): string {
  const containers = image === undefined ? [] : [{ name: "kserve-container", image }];
  return JSON.stringify({
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: { name, namespace: "default", annotations },
    spec: { supportedModelFormats: [{ name: "sklearn", version: "1", autoSelect: true }], protocolVersions: ["v1"], containers },
  });
}

it("prefers the namespace's own runtime, refuses one that says no program, and recovers when that is deleted", async () => {
  const own = await folder.write("own.yaml", runtimeText("own-sklearn", { "nitrous/host": "python" }, "example/sklearn:1"));
  await applyReady(server.url, [own]);
  await apply({ name: "chosen", uri: "models/iris/1" });
  expect((await serviceAt(server.url, "chosen"))?.status?.servingRuntimeName).toBe("own-sklearn");
  expect((await predict("chosen")).body).toEqual(ANSWERS[1]);
  expect((await nitrous(["delete", "--server", server.url, "-f", own])).code).toBe(0);

  const image = await folder.write("image.yaml", runtimeText("image-sklearn", { "nitrous/run-as": "process" }, "example/sklearn:2"));
  await applyReady(server.url, [image]);
  const file = await write({ name: "contained", uri: "models/iris/2" });
  const failed = await nitrous(["apply", "--server", server.url, "-f", file, "--wait"]);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/runtime image-sklearn is to run as a process and names no command; add command/);
  expect((await predict("contained")).status).toBe(503);

  expect((await nitrous(["delete", "--server", server.url, "sr/image-sklearn"])).code).toBe(0);
  await untilService(server.url, "contained", isReady);
  expect((await predict("contained")).body).toEqual(ANSWERS[2]);
  expect((await predict("chosen")).body).toEqual(ANSWERS[1]);
});
