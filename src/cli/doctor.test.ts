import { describe, expect, it } from "vitest";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { doctorCommand } from "./doctor.ts";
import type { MachineFacts } from "./doctor-facts.ts";

const GIBIBYTE = 2 ** 30;
const good: MachineFacts = {
  nitrous: "1.0.0",
  node: "20.19.0",
  platform: "linux x64",
  processors: 8,
  python: ["3.12 at /usr/bin/python3"],
  uv: "uv 0.13.8",
  launcher: "/usr/bin/python3",
  isolation: {
    mode: "auto",
    levels: [
      { level: "bwrap", problem: "bwrap is not installed" },
      { level: "namespaces", problem: undefined },
      { level: "landlock", problem: undefined },
    ],
    landlockVersion: 7,
    chosen: "namespaces",
    refusal: undefined,
  },
  memory: { available: 10 * GIBIBYTE, budget: 8 * GIBIBYTE, cgroup: { version: 2, limit: 12 * GIBIBYTE, used: 2 * GIBIBYTE } },
  devices: {
    found: [{ title: "device 0 (NVIDIA H200)", total: 140 * GIBIBYTE, free: 139 * GIBIBYTE, budget: 125 * GIBIBYTE }],
    problem: undefined,
  },
  servers: [
    { name: "vllm", title: "vLLM", version: "0.32.0", file: "/opt/vllm/bin/vllm", from: "PATH", problem: undefined },
    {
      name: "triton",
      title: "NVIDIA Triton Inference Server",
      version: undefined,
      file: undefined,
      from: undefined,
      problem: "it is not here",
    },
    { name: "torchserve", title: "TorchServe", version: "0.12.0", file: "/x/torchserve", from: "environment", problem: "there is no java" },
  ],
  configurations: [
    { name: "cpu", chosen: false, usable: true, devices: "none", runAs: "auto", engine: "auto", here: "runs on the processor" },
    { name: "inf2", chosen: false, usable: false, devices: "neuron", runAs: "auto", engine: "auto", here: "cannot be used: no" },
  ],
  processes: { problem: undefined },
  containers: {
    choice: "auto",
    engines: [
      { kind: "podman", version: "4.3.1", rootless: false, cgroups: 1, problem: undefined },
      { kind: "docker", version: undefined, rootless: false, cgroups: undefined, problem: "the daemon does not run" },
    ],
  },
  folders: [{ purpose: "state", path: "/state", free: 50 * GIBIBYTE, size: 100 * GIBIBYTE }],
};

function report(facts: MachineFacts, output?: string): string {
  const terminal = fakeTerminal();
  doctorCommand(facts, output === undefined ? {} : { output }, terminal);
  return terminal.out();
}

describe("nitrous doctor", () => {
  it("says what the machine has and which level confines", () => {
    expect(report(good).split("\n")).toEqual([
      "CHECK                            STATE     FOUND",
      "nitrous                          ok        1.0.0 on Node 20.19.0, linux x64, 8 processors",
      "python                           ok        3.12 at /usr/bin/python3",
      "uv                               ok        uv 0.13.8",
      "launcher                         ok        run by /usr/bin/python3; no process of a model outlives its host or the server",
      "isolation                        ok        auto: models that nobody trusts are confined by namespaces",
      "bwrap                            missing   bwrap is not installed",
      "namespaces                       ok        works",
      "landlock                         ok        version 7 of the interface",
      "memory                           ok        10.0 GiB available; hosts get 8.0 GiB",
      "cgroup                           ok        version 2, 2.0 GiB of 12.0 GiB used",
      "device 0                         ok        NVIDIA H200: 139.0 GiB of 140.0 GiB free; hosts get 125.0 GiB",
      "runtime cpu                      ok        runs on the processor",
      "runtime inf2                     absent    cannot be used: no",
      "vLLM                             ok        0.32.0 at /opt/vllm/bin/vllm",
      "NVIDIA Triton Inference Server   absent    it is not here",
      "TorchServe                       weak      0.12.0 at /x/torchserve; there is no java",
      "processes                        ok        programs of runtimes have a network and a file system of their own",
      "podman                           ok        4.3.1, as root, limits by cgroups version 1",
      "docker                           weak      the daemon does not run",
      "state folder                     ok        /state: 50.0 GiB of 100.0 GiB free",
      "",
    ]);
  });

  it("says why there are no GPUs, or not all", () => {
    const none = { found: [], problem: "there is no nvidia-smi" };
    expect(report({ ...good, devices: none })).toMatch(/devices +ok +no GPU: there is no nvidia-smi/);
    const some = { ...good.devices, problem: 'CUDA_VISIBLE_DEVICES of the server ("0") leaves 1 of 2' };
    expect(report({ ...good, devices: some })).toMatch(/device 0 +ok .*\ndevices +weak +CUDA_VISIBLE_DEVICES of the server/);
  });

  it("says what is missing and what that means", () => {
    const isolation = { ...good.isolation, levels: [], chosen: undefined, refusal: "this machine cannot confine it" };
    const folders = [{ purpose: "cache", path: "/cache", free: GIBIBYTE, size: 100 * GIBIBYTE }];
    const text = report({ ...good, python: "it needs Python", launcher: undefined, isolation, folders });
    expect(text).toMatch(/python +missing +it needs Python/);
    expect(text).toMatch(/launcher +weak +none: process groups are killed, and what leaves its group stays/);
    expect(text).toMatch(/isolation +missing +auto: custom code that nobody trusts is refused: this machine cannot confine it/);
    expect(text).toMatch(/cache folder +weak/);
  });

  it("calls isolation that is off weak", () => {
    const isolation = { ...good.isolation, mode: "off", chosen: undefined } as const;
    expect(report({ ...good, isolation })).toMatch(/isolation +weak +off: every model may do what the server may do/);
  });

  it.each([
    ["auto", [], /containers +weak +neither podman nor docker is installed: runtimes that are images cannot run/],
    ["docker", [], /containers +weak +docker is not installed/],
    ["off", good.containers.engines, /containers +ok +off: runtimes run as processes/],
    ["docker", good.containers.engines, /docker +missing +the daemon does not run/],
    [
      "auto",
      [{ kind: "podman", version: "5.0.0", rootless: true, cgroups: 1, problem: undefined }],
      /podman +ok +5\.0\.0, without root, limits by cgroups version 1\ncontainers +weak +podman without root cannot limit memory/,
    ],
  ] as const)("says what runs containers when --container-engine is %s", (choice, engines, expected) => {
    expect(report({ ...good, containers: { choice, engines } })).toMatch(expected);
  });

  it("tells machines the facts and the checks", () => {
    const value = JSON.parse(report(good, "json")) as { checks: unknown[]; isolation: unknown; memory: unknown };
    expect(value.isolation).toEqual(JSON.parse(JSON.stringify(good.isolation)));
    expect(value.checks).toContainEqual({ name: "memory", state: "ok", found: "10.0 GiB available; hosts get 8.0 GiB" });
    expect(() => report(good, "xml")).toThrow("expected json, yaml");
  });

  it("says why programs of runtimes have no namespaces", () => {
    const text = report({ ...good, processes: { problem: "unshare: Operation not permitted" } });
    expect(text).toMatch(/processes +weak +programs of runtimes are on the machine's network.*unshare: Operation not permitted/);
  });
});
