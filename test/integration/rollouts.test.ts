import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { type Answer, ask } from "../service-process.ts";

const SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices";
const PREDICT = "/v1/models/words:predict";

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-rollouts-"));
  for (const name of ["one", "two", "three", "broken", "both/1", "both/2"]) {
    mkdirSync(join(folder, name), { recursive: true });
    const first = name === "broken" ? 'throw new Error("it is broken");\n' : "";
    const body = `  async predict({ instances }) { await new Promise((done) => setTimeout(done, 5)); return instances.map(() => "${name}"); }`;
    writeFileSync(join(folder, name, "model.mjs"), `${first}export class Model {\n${body}\n}\n`);
  }
  server = await start();
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(): Promise<ServerProcess> {
  return startServer([], ["--state-dir", join(folder, "state")]);
}

interface Options {
  readonly canaryTrafficPercent?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Applies without waiting. */
async function apply(name: string, model: string, { canaryTrafficPercent, annotations }: Options = {}): Promise<void> {
  const share = canaryTrafficPercent === undefined ? {} : { canaryTrafficPercent };
  const body = {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, annotations: { "nitrous/trust": "code", ...annotations } },
    spec: { predictor: { ...share, model: { modelFormat: { name: "typescript" }, storageUri: `file://${join(folder, model)}` } } },
  };
  const put = await fetch(`${server.url}${SERVICES}/${name}`, { method: "PUT", body: JSON.stringify(body), headers: JSON_TYPE });
  if (put.status === 404)
    expect((await fetch(server.url + SERVICES, { method: "POST", body: JSON.stringify(body), headers: JSON_TYPE })).status).toBe(201);
  else expect(put.status).toBe(200);
}

const JSON_TYPE = { "Content-Type": "application/json" };

async function rollout(...words: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return await nitrous(["rollout", ...words, "--server", server.url]);
}

async function traffic(name = "words"): Promise<unknown> {
  const { body } = await ask(server.url, `${SERVICES}/${name}`);
  const { status } = body as { status: { components: { predictor: { traffic: readonly { revisionName: string; percent: number }[] } } } };
  return Object.fromEntries(status.components.predictor.traffic.map(({ revisionName, percent }) => [revisionName, percent]));
}

function predict(headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return ask(server.url, PREDICT, { instances: [1] }, headers);
}

/** A request whose second half is sent when it is told to: it is admitted long before it can be scheduled. */
function begin(headers: Readonly<Record<string, string>> = {}): { finish(): Promise<string> } {
  const body = '{"instances":[1]}';
  const sent = request(server.url + PREDICT, { method: "POST", headers: { ...headers, ...JSON_TYPE, "Content-Length": body.length } });
  const answered = new Promise<string>((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => void text(response).then((content) => resolve(`${response.statusCode} ${content}`), reject));
  });
  sent.write(body.slice(0, 5));
  return {
    finish() {
      sent.end(body.slice(5));
      return answered;
    },
  };
}

it("rolls out, promotes, fails and takes back under load without a failed request", async () => {
  await apply("words", "one");
  expect(await rollout("status", "words")).toMatchObject({ code: 0, stdout: expect.stringContaining("words-00001 gets 100 %") });
  let ended = false;
  const statuses = new Map<number, number>();
  const load = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!ended) {
        const { status } = await predict();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  const early = begin();
  await apply("words", "two", { canaryTrafficPercent: 20 });
  expect(await rollout("status", "words")).toMatchObject({ code: 0, stdout: expect.stringContaining("words-00002 gets 20 %") });
  expect(await traffic()).toEqual({ "words-00001": 80, "words-00002": 20 });
  const later = Array.from({ length: 10 }, () => begin());
  await delay(50);
  expect(await rollout("promote", "words", "--wait")).toMatchObject({ code: 0 });
  expect(await early.finish()).toBe('200 {"predictions":["two"]}');
  for (const each of later) expect(await each.finish()).toBe('200 {"predictions":["two"]}');

  await apply("words", "broken", { canaryTrafficPercent: 50 });
  expect(await rollout("status", "words")).toMatchObject({ code: 1, stderr: expect.stringContaining("it is broken") });
  expect(await rollout("promote", "words")).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot serve") });
  expect(await rollout("undo", "words", "--wait")).toMatchObject({ code: 0, stdout: expect.stringContaining("back to revision 2") });
  expect(await rollout("undo", "words", "--to", "1", "--wait")).toMatchObject({ code: 0 });
  ended = true;
  await load;
  expect([...statuses.keys()]).toEqual([200]);
  expect((await predict()).body).toEqual({ predictions: ["one"] });
  const { stdout } = await rollout("history", "words");
  expect(stdout.split("\n").map((line) => line.split(/ {3,}/).slice(0, 3).join(" | "))).toEqual([
    "REVISION | OUTCOME | TRAFFIC",
    "1 | rolled out | -",
    "2 | rolled out | -",
    "4 | failed | -",
    "6 | rolled out | 100 %",
    "",
  ]);
});

it("splits stably by a key, reaches a revision by name and tag, and is the same after a restart", async () => {
  await apply("words", "three", { canaryTrafficPercent: 50, annotations: { "nitrous/affinity-header": "X-User" } });
  expect((await rollout("status", "words")).code).toBe(0);
  const byUser = async (): Promise<string[]> => {
    const answers: string[] = [];
    for (let user = 0; user < 20; user++) {
      const { body } = await predict({ "X-User": `user-${user}` });
      answers.push((body as { predictions: string[] }).predictions[0] ?? "");
    }
    return answers;
  };
  const first = await byUser();
  expect(new Set(first)).toEqual(new Set(["one", "three"]));
  const before = await traffic();
  await server.stop();
  server = await start();
  expect((await rollout("status", "words")).code).toBe(0);
  expect(await traffic()).toEqual(before);
  expect(await byUser()).toEqual(first);
  expect((await predict({ "nitrous-revision": "prev" })).body).toEqual({ predictions: ["one"] });
  expect((await predict({ Host: "latest-words-default.example.com" })).body).toEqual({ predictions: ["three"] });
  expect(await predict({ "nitrous-revision": "words-00099" })).toMatchObject({ status: 404 });
});

it("splits the versions of a folder as an annotation says, whose tags address them", async () => {
  await apply("words", "both", { annotations: { "nitrous/traffic": "1=100,2=0" } });
  expect((await rollout("status", "words")).code).toBe(0);
  expect((await predict()).body).toEqual({ predictions: ["both/1"] });
  expect((await predict({ "nitrous-revision": "v2" })).body).toEqual({ predictions: ["both/2"] });
  expect((await ask(server.url, "/v1/models/words/versions/2:predict", { instances: [1] })).body).toEqual({ predictions: ["both/2"] });
  await apply("words", "both", { annotations: { "nitrous/traffic": "1=0,2=100" } });
  await expect.poll(async () => (await predict()).body).toEqual({ predictions: ["both/2"] });
});
