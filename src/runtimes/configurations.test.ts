import { describe, expect, it } from "vitest";
import { type Accelerators, chooseConfiguration } from "./choose-configuration.ts";
import { runtimeConfigurations } from "./configurations.ts";

const NONE: Accelerators = {
  nvidia: { titles: [], problem: "there is no nvidia-smi" },
  neuron: { titles: [], problem: "there is no neuron-ls" },
};
const GPU: Accelerators = { ...NONE, nvidia: { titles: ["device 0 (NVIDIA H200)"], problem: undefined } };
const NEURON: Accelerators = { ...GPU, neuron: { titles: ["neuron device 0"], problem: undefined } };

describe("runtime configurations", () => {
  it("are NOS's and a user's own, which begin as others", () => {
    const all = runtimeConfigurations({
      lab: { extends: "office", env: { B: "2" }, images: { vllm: "lab/vllm" } },
      office: { extends: "gpu", "run-as": "container", engine: "podman", env: { A: "1", B: "1" } },
      cpu: { extends: "cpu", env: { OMP_NUM_THREADS: "1" } },
      plain: {},
    });
    expect(all.map(({ name }) => name)).toEqual(["cpu", "gpu", "trt", "inf2", "lab", "office", "plain"]);
    expect(all.find(({ name }) => name === "lab")).toEqual({
      name: "lab",
      devices: "nvidia",
      runAs: "container",
      engine: "podman",
      environment: { A: "1", B: "2" },
      images: { vllm: "lab/vllm" },
    });
    expect(all.find(({ name }) => name === "cpu")?.environment).toEqual({ OMP_NUM_THREADS: "1" });
  });

  it.each([
    [{ a: { extends: "gpuu" } }, "a extends gpuu, which is not there; did you mean gpu?"],
    [{ a: { extends: "b" }, b: { extends: "c" }, c: { extends: "b" } }, "in a circle: a, b, c, b"],
    [{ auto: {} }, '"auto": expected small letters'],
    [{ "My Lab": {} }, "expected small letters"],
    [{ a: { extends: "constructor" } }, "which is not there"],
  ])("must be there, and end somewhere: %j", (own, message) => {
    expect(() => runtimeConfigurations(own)).toThrow(message);
  });
});

describe("the configuration of a machine", () => {
  const all = runtimeConfigurations({ lab: { devices: "neuron" } });

  it.each([
    ["auto", NONE, "cpu", "there is no nvidia-smi, and there is no neuron-ls"],
    ["auto", GPU, "gpu", "this machine has device 0 (NVIDIA H200)"],
    ["auto", NEURON, "inf2", "this machine has neuron device 0"],
    ["cpu", GPU, "cpu", "it was asked for"],
    ["trt", GPU, "trt", "it was asked for"],
    ["lab", NEURON, "lab", "it was asked for"],
  ])("is with %s the one that its devices mean, or that somebody names (%#)", (wanted, accelerators, name, reason) => {
    const chosen = chooseConfiguration(wanted, all, accelerators);
    expect([chosen.configuration.name, chosen.reason]).toEqual([name, reason]);
  });

  it.each([
    ["gpu", NONE, "cannot be used here: it needs NVIDIA GPUs, and there is no nvidia-smi"],
    ["inf2", GPU, "it needs Neuron devices, and there is no neuron-ls"],
    ["lap", NONE, "there is no runtime configuration lap, only auto, cpu, gpu, trt, inf2, lab; did you mean lab?"],
  ])("is refused when the machine has not what it needs (%#)", (wanted, accelerators, message) => {
    expect(() => chooseConfiguration(wanted, all, accelerators)).toThrow(message);
  });
});
