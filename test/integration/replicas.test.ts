import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const SERVICE = fileURLToPath(new URL("../../examples/autoscaling/service.yaml", import.meta.url));
const BODY = { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] };

interface Status {
  readonly state: string;
  readonly hostPids: readonly number[];
  readonly replicas: { readonly ready: number; readonly wanted: number; readonly leaving: number };
}

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([SERVICE]);
  await untilLoaded(server);
}, 60_000);

afterAll(() => server.stop());

async function statusOf(): Promise<Status> {
  return (await ask(server.url, "/nitrous/models/steps")).body as Status;
}

async function until(isWanted: (status: Status) => boolean): Promise<void> {
  while (!isWanted(await statusOf())) await delay(50);
}

/** So many clients that ask again as soon as they have an answer; ends them, and settles with the statuses that they got. */
function load(clients: number): () => Promise<number[]> {
  let ended = false;
  const statuses: number[] = [];
  const working = Array.from({ length: clients }, async () => {
    while (!ended) statuses.push((await ask(server.url, "/v2/models/steps/infer", BODY)).status);
  });
  return async () => {
    ended = true;
    await Promise.all(working);
    return statuses;
  };
}

describe("a service with several replicas", () => {
  it("gets them from the command line, and loses no request when one is killed and when fewer are asked for", async () => {
    const scaled = await nitrous(["scale", "steps", "--replicas", "3"], { NITROUS_SERVER: server.url });
    expect(scaled).toMatchObject({ code: 0, stdout: "steps version 1 has 3 of 3 replicas\n" });
    const { hostPids } = await statusOf();
    expect(new Set(hostPids).size).toBe(3);
    const end = load(12);
    await delay(300);
    process.kill(hostPids[1] as number, "SIGKILL");
    await until(({ replicas }) => replicas.ready === 2);
    expect((await statusOf()).state).toBe("ready");
    await until(({ replicas }) => replicas.ready === 3);
    const fewer = await ask(server.url, "/nitrous/models/steps/scale", { replicas: 1 });
    expect(fewer.body).toMatchObject({ state: "ready", replicas: { ready: 1, wanted: 1, leaving: 0 } });
    expect(new Set(await end())).toEqual(new Set([200]));
    const { body } = await ask(server.url, "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/steps");
    expect(body).toMatchObject({ status: { modelStatus: { copies: { totalCopies: 1, failedCopies: 0 } } } });
  }, 30_000);

  it("follows the load up, and tells of it", async () => {
    await ask(server.url, "/nitrous/models/steps/scale", { replicas: "auto" });
    const end = load(10);
    await until(({ replicas }) => replicas.wanted === 4 && replicas.ready > 1);
    expect(new Set(await end())).toEqual(new Set([200]));
    const { stdout } = await nitrous(["events"], { NITROUS_SERVER: server.url });
    expect(stdout).toMatch(/Scaled .* \d -> 4: concurrency [\d.]+ per replica, target 2 of which 70 % is aimed at/);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('nitrous_desired_replicas{namespace="default",model="steps",version="1"} 4');
  }, 30_000);

  it.each([[{}], [{ replicas: "many" }], [{ replicas: 1.5 }], [{ replicas: 1000 }]])("refuses to be scaled by %j", async (body) => {
    expect(await ask(server.url, "/nitrous/models/steps/scale", body)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/replicas.*expected|expected.*replicas/) },
    });
  });
});
