import { describe, expect, it } from "vitest";
import { gpuWords, NeuronDevices } from "./devices.ts";

const GPU = { "nvidia.com/gpu": 2 };

describe("GPUs", () => {
  it.each([
    ["podman", GPU, "GPU-1,GPU-2", ["--device=nvidia.com/gpu=GPU-1", "--device=nvidia.com/gpu=GPU-2"]],
    ["docker", GPU, "GPU-1,GPU-2", ['--gpus="device=GPU-1,GPU-2"']],
    ["podman", GPU, undefined, ["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1"]],
    ["docker", GPU, undefined, ["--gpus=2"]],
    // A model that is to run on the processor sees none.
    ["podman", {}, "", []],
    ["podman", {}, undefined, []],
    // Wished for by the service and not by the container.
    ["docker", {}, "GPU-1", ['--gpus="device=GPU-1"']],
    ["docker", { "amd.com/gpu": 1 }, undefined, ["--device=/dev/kfd", "--device=/dev/dri"]],
    ["podman", { "aws.amazon.com/neuron": 1 }, undefined, []],
    ["podman", { "habana.ai/gaudi": 0 }, undefined, []],
  ] as const)("are given by %s for %j with %j", (engine, devices, cudaDevices, expected) => {
    expect(gpuWords(engine, { devices, cudaDevices })).toEqual(expected);
  });

  it("are not the only devices, and others are refused by their names", () => {
    expect(() => gpuWords("podman", { devices: { "habana.ai/gaudi": 1 }, cudaDevices: undefined })).toThrow(
      "not the resource habana.ai/gaudi",
    );
  });
});

describe("Neuron devices", () => {
  const wish = (count: number) => ({ devices: { "aws.amazon.com/neuron": count } });

  it("belong to one container at a time", async () => {
    const devices = new NeuronDevices(async () => ["/dev/neuron0", "/dev/neuron1"]);
    expect(await devices.take("a", wish(1))).toEqual(["/dev/neuron0"]);
    expect(await devices.take("b", wish(1))).toEqual(["/dev/neuron1"]);
    await expect(devices.take("c", wish(1))).rejects.toThrow("wants 1 Neuron devices, and 0 are free: a, b have the others");
    devices.giveBack("a");
    expect(await devices.take("c", { devices: { "aws.amazon.com/neuroncore": 1 } })).toEqual(["/dev/neuron0"]);
  });

  it("are missing with their number, and not looked for when nobody wants them", async () => {
    const devices = new NeuronDevices(async () => []);
    await expect(devices.take("a", wish(2))).rejects.toThrow("wants 2 Neuron devices, and this machine has 0");
    expect(await new NeuronDevices(() => Promise.reject(new Error("looked"))).take("a", { devices: GPU })).toEqual([]);
  });
});
