import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onnxGraph } from "../onnx-graph.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const NAMES = ["a", "b", "c", "d", "e"];

/** Adds weights of a file whose name does not begin with the model's. */
const withWeightsElsewhere = onnxGraph({
  nodes: [{ operator: "Add", inputs: ["x", "weights"], outputs: ["y"] }],
  inputs: [{ name: "x", type: "FLOAT", shape: ["batch", 2] }],
  outputs: [{ name: "y", type: "FLOAT", shape: ["batch", 2] }],
  constants: [{ name: "weights", type: "FLOAT", shape: [2], data: "weights.bin" }],
});

describe.each(["auto", "off"])("small ONNX models with --isolation %s", (isolation) => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-shared-"));
    for (const name of NAMES) await cp(join(EXAMPLES, "iris-onnx"), join(folder, name), { recursive: true });
    await mkdir(join(folder, "elsewhere"));
    await writeFile(join(folder, "elsewhere/model.onnx"), withWeightsElsewhere);
    await writeFile(join(folder, "elsewhere/weights.bin"), Buffer.from(Float32Array.of(1, 2).buffer));
    server = await startServer([folder], ["--max-models-per-host", "3", "--isolation", isolation]);
    await untilLoaded(server);
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true });
  });

  it("share hosts, as many as the setting says, and each answers", async () => {
    const hosts = new Map<number, number>();
    for (const name of NAMES) {
      const status = (await (await fetch(`${server.url}/nitrous/models/${name}`)).json()) as {
        state: string;
        hostPid: number;
        example: unknown;
      };
      expect(status).toMatchObject({ state: "ready" });
      hosts.set(status.hostPid, (hosts.get(status.hostPid) ?? 0) + 1);
      const answer = await fetch(`${server.url}/v2/models/${name}/infer`, { method: "POST", body: JSON.stringify(status.example) });
      expect(await answer.json()).toMatchObject({ model_name: name, outputs: [{ name: "label" }, { name: "probabilities" }] });
    }
    expect([...hosts.values()].sort()).toEqual([2, 3]);
  });

  it("have a host of their own when their weights are in other files, which it reads", async () => {
    const inputs = [{ name: "x", datatype: "FP32", shape: [1, 2], data: [10, 10] }];
    const answer = await fetch(`${server.url}/v2/models/elsewhere/infer`, { method: "POST", body: JSON.stringify({ inputs }) });
    expect(await answer.json()).toMatchObject({ outputs: [{ name: "y", data: [11, 12] }] });
    const hosts = await Promise.all(
      ["elsewhere", ...NAMES].map(
        async (name) => (await (await fetch(`${server.url}/nitrous/models/${name}`)).json()) as { hostPid: number },
      ),
    );
    expect(hosts.slice(1).map(({ hostPid }) => hostPid)).not.toContain(hosts[0]?.hostPid);
  });

  it("come back in hosts of their own or shared ones when their host is killed", async () => {
    const before = (await (await fetch(`${server.url}/nitrous/models/a`)).json()) as { hostPid: number };
    process.kill(before.hostPid, "SIGKILL");
    await expect
      .poll(async () => (await (await fetch(`${server.url}/nitrous/models/a`)).json()) as { state: string; hostPid: number }, {
        timeout: 30_000,
      })
      .toMatchObject({ state: "ready", hostPid: expect.not.toSatisfy((pid: number) => pid === before.hostPid) });
  });
});
