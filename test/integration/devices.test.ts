import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { EXAMPLES, type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, serviceAt, untilService } from "../service-process.ts";

const MEBIBYTE = 1048576;
let folder: string;
let server: ServerProcess;
/** There is no GPU here: nvidia-smi is a fake that prints these files. */
let environment: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-devices-"));
  await writeFile(
    join(folder, "devices"),
    "0, GPU-fake-0, Fake GPU, 1000, 0\n1, GPU-fake-1, Fake GPU, 2000, 200\n2, GPU-fake-2, Fake GPU, 100, 0\n",
  );
  await writeFile(join(folder, "processes"), "");
  environment = {
    PATH: `${fileURLToPath(new URL("../fake-nvidia-smi", import.meta.url))}${delimiter}${process.env.PATH ?? ""}`,
    FAKE_NVIDIA_SMI_DEVICES: join(folder, "devices"),
    FAKE_NVIDIA_SMI_PROCESSES: join(folder, "processes"),
  };
  const flags = ["--device-memory-budget", `0=${700 * MEBIBYTE}`, "--inline", "off"];
  server = await startServer([], flags, { environment });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** A service of the example, with lines for its annotations and its model. */
async function service(name: string, annotations: string, resources = "{}"): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  const text = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: ${name}, annotations: { nitrous/trust: pickle${annotations} } }
spec: { predictor: { model: { modelFormat: { name: onnx }, storageUri: "file://${EXAMPLES}/iris-onnx", resources: ${resources} } } }
`;
  await writeFile(file, text);
  return file;
}

const apply = (file: string): ReturnType<typeof nitrous> => nitrous(["apply", "--server", server.url, "-f", file]);
const describeOf = async (name: string): Promise<string> => (await nitrous(["describe", name, "--server", server.url])).stdout;

async function pidOf(name: string): Promise<number> {
  const { body } = await ask(server.url, `/nitrous/models/${name}`);
  return (body as { hostPid: number }).hostPid;
}

/** What the host of a model sees. */
async function visibleTo(name: string): Promise<string | undefined> {
  const variables = readFileSync(`/proc/${await pidOf(name)}/environ`, "utf8").split("\0");
  return variables.find((each) => each.startsWith("CUDA_VISIBLE_DEVICES="));
}

async function reserved(account: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^nitrous_reserved\\{account="${account}"\\} (\\S+)`, "m").exec(text)?.[1]);
}

it("puts models on the GPUs that they ask for, as the driver then measures them", async () => {
  const gpu = '{ limits: { nvidia.com/gpu: "1" } }';
  await applyReady(server.url, [await service("small", "", gpu), await service("plain", "")]);
  await applyReady(server.url, [await service("second", ', nitrous/device: "1"')]);
  expect(await visibleTo("small")).toBe("CUDA_VISIBLE_DEVICES=GPU-fake-0");
  expect(await visibleTo("second")).toBe("CUDA_VISIBLE_DEVICES=GPU-fake-1");
  expect(await visibleTo("plain")).toBe("CUDA_VISIBLE_DEVICES=");
  expect(await describeOf("second")).toContain("on device 1 (Fake GPU)");
  expect(await describeOf("plain")).not.toContain("on device");
  await writeFile(join(folder, "processes"), `${await pidOf("second")}, GPU-fake-1, 321\n`);
  await expect.poll(() => reserved("device 1"), { timeout: 15_000 }).toBe(321 * MEBIBYTE);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain(`nitrous_budget{account="device 0"} ${700 * MEBIBYTE}`);
  expect(metrics).toContain(`nitrous_budget{account="device 1"} ${Math.round(1800 * MEBIBYTE * 0.9)}`);
});

it("says at once what was asked for that is not there, with the arithmetic where it is too full", async () => {
  await apply(await service("four", "", '{ limits: { nvidia.com/gpu: "4" } }'));
  const four = await untilService(server.url, "four", ({ status }) => status?.modelStatus.lastFailureInfo !== undefined);
  expect(four.status?.modelStatus.lastFailureInfo?.message).toContain(
    "it asks for nvidia.com/gpu: 4, and this machine has device 0 (Fake GPU), device 1 (Fake GPU), device 2 (Fake GPU); ask for less",
  );
  await apply(await service("also", ', nitrous/device: "0"'));
  await untilService(server.url, "also", ({ status }) => status?.modelStatus.states.activeModelState === "Standby");
  expect((await nitrous(["load", "also", "--server", server.url])).stdout).toBe("also version 1 is ready\n");
  const { stdout } = await nitrous(["events", "--server", server.url]);
  expect(stdout).toMatch(/Evicted +InferenceService\/small +evicted: default\/also needed \d+ MiB of device 0 \(Fake GPU\) more/);
  expect(await visibleTo("also")).toBe("CUDA_VISIBLE_DEVICES=GPU-fake-0");
  await apply(await service("tight", ', nitrous/device: "2"'));
  const tight = await untilService(server.url, "tight", ({ status }) => status?.modelStatus.lastFailureInfo !== undefined);
  expect(tight.status?.modelStatus.lastFailureInfo?.message).toContain(
    "it needs about 0.6 GiB on a GPU; device 2 (Fake GPU) has 0.1 GiB of 0.1 GiB free",
  );
  expect((await apply(await service("odd", ", nitrous/device: gpu"))).stderr).toContain('expected "cpu", "cuda" or the number of a device');
  expect(await serviceAt(server.url, "odd")).toBeUndefined();
});

it("is what doctor says, and a budget for a GPU that is not there keeps the server from starting", async () => {
  const { stdout } = await nitrous(["doctor"], environment);
  expect(stdout).toMatch(/device 1 +ok +Fake GPU: 1\.8 GiB of 2\.0 GiB free; hosts get 1\.6 GiB/);
  expect((await nitrous(["doctor"], { ...environment, CUDA_VISIBLE_DEVICES: "1" })).stdout).toContain("leaves 1 of 3");
  const refused = await nitrous(["serve", "--http-port", "0", "--device-memory-budget", "5=1"], environment);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain(
    "--device-memory-budget names device 5, and of the GPUs of this machine there is device 0 (Fake GPU), device 1 (Fake GPU), device 2 (Fake GPU)",
  );
});
