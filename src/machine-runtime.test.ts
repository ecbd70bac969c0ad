import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findDevices, findNeuron, runCommand } from "./devices/index.ts";
import { chosenRuntime, configuredDevices, knownRuntimes } from "./machine-runtime.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-machine-runtime-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** The fakes of these tests on the PATH, which say that they are some. */
async function withFakes({
  nvidia,
  neuron,
}: {
  readonly nvidia?: string;
  readonly neuron?: readonly [flag: string, text: string];
}): Promise<void> {
  const path: string[] = [];
  const fake = (name: string): string => fileURLToPath(new URL(`../test/${name}`, import.meta.url));
  if (nvidia !== undefined) {
    await writeFile(join(folder, "nvidia"), nvidia);
    vi.stubEnv("FAKE_NVIDIA_SMI_DEVICES", join(folder, "nvidia"));
    path.push(fake("fake-nvidia-smi"));
  }
  if (neuron !== undefined) {
    await writeFile(join(folder, "neuron"), neuron[1]);
    vi.stubEnv("FAKE_NEURON_LS_FLAG", neuron[0]);
    vi.stubEnv("FAKE_NEURON_LS_DEVICES", join(folder, "neuron"));
    path.push(fake("fake-neuron-ls"));
  }
  vi.stubEnv("PATH", [...path, "/usr/bin", "/bin"].join(delimiter));
}

async function chosen(settings: { readonly runtime?: string; readonly runtimes?: string } = {}): Promise<string> {
  const found = await findDevices({}, runCommand);
  const known = await knownRuntimes({ runtimes: settings.runtimes ?? {} }, found);
  return chosenRuntime({ runtime: settings.runtime ?? "auto" }, known).configuration.name;
}

describe("the runtime configuration of this machine", () => {
  it("is cpu without the tools of accelerators, gpu with nvidia-smi and inf2 with neuron-ls", async () => {
    await withFakes({});
    expect(await chosen()).toBe("cpu");
    await withFakes({ nvidia: "0, GPU-aa11, NVIDIA H200, 143771, 4\n" });
    expect(await chosen()).toBe("gpu");
    expect(await chosen({ runtime: "cpu" })).toBe("cpu");
    await withFakes({
      nvidia: "0, GPU-aa11, NVIDIA H200, 143771, 4\n",
      neuron: ["--json-output", '[{"neuron_device": 0, "nc_count": 2}]'],
    });
    expect(await chosen()).toBe("inf2");
    await expect(chosen({ runtime: "inf3" })).rejects.toThrow("--runtime inf3: there is no runtime configuration inf3");
  });

  it("may be one of a folder", async () => {
    await withFakes({});
    const own = join(folder, "own");
    await mkdir(own);
    await writeFile(join(own, "lab.yaml"), "run-as: container\nenv:\n  THREADS: 4\n");
    await writeFile(join(own, "readme.txt"), "not a configuration");
    expect(await chosen({ runtime: "lab", runtimes: own })).toBe("lab");
    await writeFile(join(own, "bad.yaml"), "device: gpu\n");
    await expect(chosen({ runtimes: own })).rejects.toThrow(/bad.yaml: Unrecognized key: "device"/);
    await expect(chosen({ runtimes: join(own, "lab.yaml") })).rejects.toThrow("expected a folder with a YAML file for each configuration");
  });

  it("hides GPUs that it is not for", async () => {
    const found = { devices: [{ index: 0, uuid: "a", name: "H200", totalBytes: 2, usedBytes: 1 }], problem: undefined };
    const cpu = { name: "cpu", devices: "none", runAs: "auto", engine: "auto", environment: {}, images: {} } as const;
    expect(configuredDevices(found, cpu)).toEqual({ devices: [], problem: "the runtime configuration cpu uses none", hidden: true });
    expect(configuredDevices(found, { ...cpu, devices: "nvidia" })).toEqual({ ...found, hidden: false });
    const none = { devices: [], problem: "there is no nvidia-smi" };
    expect(configuredDevices(none, cpu)).toEqual({ ...none, hidden: false });
  });
});

describe("Neuron devices", () => {
  it("are those of the driver, else those of either neuron-ls", async () => {
    await writeFile(join(folder, "neuron10"), "");
    await writeFile(join(folder, "neuron2"), "");
    await writeFile(join(folder, "neuronx"), "");
    expect((await findNeuron(runCommand, folder)).titles).toEqual(["neuron device 2", "neuron device 10"]);
    const nothing = join(folder, "nothing");
    await withFakes({ neuron: ["--output-format json", '{"instance": "x", "devices": [{"neuron_device":1},{"neuron_device":0}]}'] });
    expect((await findNeuron(runCommand, nothing)).titles).toEqual(["neuron device 0", "neuron device 1"]);
    await withFakes({ neuron: ["--json-output", "[]"] });
    expect(await findNeuron(runCommand, nothing)).toEqual({ titles: [], problem: "neuron-ls shows none" });
    await withFakes({ neuron: ["--other", ""] });
    expect((await findNeuron(runCommand, nothing)).problem).toContain("neuron-ls failed: Command failed: neuron-ls");
    await withFakes({});
    expect(await findNeuron(runCommand, nothing)).toEqual({ titles: [], problem: "there is no neuron-ls" });
  });
});
