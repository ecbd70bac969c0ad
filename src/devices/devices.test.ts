import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { createDeviceMeter } from "./device-meter.ts";
import { findDevices } from "./find-devices.ts";
import { type RunCommand, runCommand } from "./run-command.ts";

const MEBIBYTE = 1048576;
/** As a machine with two of them prints it. */
const TWO = "0, GPU-aa11, NVIDIA H200, 143771, 4\n1, GPU-ab22, NVIDIA H200, 143771, 1024\n";

const printing =
  (text: string): RunCommand =>
  () =>
    Promise.resolve(text);
const failing =
  (message: string, code?: string): RunCommand =>
  () =>
    Promise.reject(Object.assign(new Error(message), { code }));

describe("devices", () => {
  it("are those that the driver shows", async () => {
    const { devices, problem } = await findDevices({}, printing(TWO));
    expect(problem).toBeUndefined();
    expect(devices).toEqual([
      { index: 0, uuid: "GPU-aa11", name: "NVIDIA H200", totalBytes: 143771 * MEBIBYTE, usedBytes: 4 * MEBIBYTE },
      { index: 1, uuid: "GPU-ab22", name: "NVIDIA H200", totalBytes: 143771 * MEBIBYTE, usedBytes: 1024 * MEBIBYTE },
    ]);
  });

  it.each([
    ["0", [0]],
    ["1,0", [0, 1]],
    ["GPU-ab22", [1]],
    ["GPU-ab", [1]],
    // More than one begins so, so none is named.
    ["GPU-a", []],
    ["", []],
    ["-1", []],
    ["1,7,0", [1]],
    ["1,-1,0", [1]],
    ["MIG-1/2", []],
  ])("are with CUDA_VISIBLE_DEVICES %j those that CUDA would take: %j", async (chosen, expected) => {
    const { devices, problem } = await findDevices({ CUDA_VISIBLE_DEVICES: chosen }, printing(TWO));
    expect(devices.map(({ index }) => index)).toEqual(expected);
    expect(problem).toBe(
      expected.length === 2 ? undefined : `CUDA_VISIBLE_DEVICES of the server (${JSON.stringify(chosen)}) leaves ${expected.length} of 2`,
    );
  });

  it.each([
    [failing("spawn nvidia-smi ENOENT", "ENOENT"), "there is no nvidia-smi"],
    [
      failing("\nNVIDIA-SMI has failed because it couldn't communicate\nmore"),
      "nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate",
    ],
    [printing("No devices were found\n"), "nvidia-smi shows none"],
    [printing(""), "nvidia-smi shows none"],
    [printing("0, GPU-aa11, NVIDIA GB10, [N/A], [N/A]"), "nvidia-smi shows none"],
  ])("are none, and it is said why (%#)", async (run, problem) => {
    expect(await findDevices({}, run)).toEqual({ devices: [], problem });
  });
});

describe("what processes hold of devices", () => {
  const uses =
    "11, GPU-aa11, 100\n12, GPU-aa11, 20\n12, GPU-ab22, 3\n13, GPU-aa11, [N/A]\n14, GPU-of-others, 9\nNo running processes found\n";

  it("is summed over the processes of a host, by device", async () => {
    const { devices } = await findDevices({}, printing(TWO));
    const meter = createDeviceMeter(devices, new FakeClock(), printing(uses));
    expect([...(await meter.measure([11, 12, 13, 14]))]).toEqual([
      [0, 120 * MEBIBYTE],
      [1, 3 * MEBIBYTE],
    ]);
    expect([...(await meter.measure([99]))]).toEqual([]);
  });

  it("is asked once for a round of hosts, and nothing when the driver does not answer", async () => {
    const clock = new FakeClock();
    const { devices } = await findDevices({}, printing(TWO));
    const run = vi.fn<RunCommand>().mockResolvedValueOnce(uses).mockRejectedValue(new Error("the driver is gone"));
    const meter = createDeviceMeter(devices, clock, run);
    await meter.measure([11]);
    await meter.measure([12]);
    expect(run).toHaveBeenCalledTimes(1);
    await clock.advance(1_000);
    expect([...(await meter.measure([11]))]).toEqual([]);
    expect(createDeviceMeter([], clock, run).measure([11])).resolves.toEqual(new Map());
    expect(run).toHaveBeenCalledTimes(2);
  });
});

describe("with the fake nvidia-smi of these tests on the PATH", () => {
  let folder: string | undefined;
  const { PATH = "", FAKE_NVIDIA_SMI_DEVICES } = process.env;

  afterEach(async () => {
    process.env.PATH = PATH;
    if (FAKE_NVIDIA_SMI_DEVICES === undefined) delete process.env.FAKE_NVIDIA_SMI_DEVICES;
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  it("commands are run, and failures told", async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-devices-"));
    await writeFile(join(folder, "devices"), TWO);
    process.env.PATH = `${fileURLToPath(new URL("../../test/fake-nvidia-smi", import.meta.url))}${delimiter}${PATH}`;
    process.env.FAKE_NVIDIA_SMI_DEVICES = join(folder, "devices");
    expect((await findDevices({}, runCommand)).devices.map(({ uuid }) => uuid)).toEqual(["GPU-aa11", "GPU-ab22"]);
    await expect(runCommand("nvidia-smi", ["--reset"])).rejects.toThrow("does not know --reset");
    process.env.PATH = "";
    expect((await findDevices({}, runCommand)).problem).toBe("there is no nvidia-smi");
  });
});
