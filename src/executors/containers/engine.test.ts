import { describe, expect, it } from "vitest";
import { chooseEngine } from "./engine.ts";
import { explainEngineError } from "./engine-errors.ts";
import type { EngineKind, FoundEngine } from "./found-engine.ts";

function engine(kind: EngineKind, problem?: string): FoundEngine {
  return { kind, environment: {}, version: "1", rootless: false, cgroups: 2, runtime: undefined, problem };
}

describe("the engine", () => {
  it("is podman where it works, else docker, or the one that was chosen", () => {
    const both = [engine("podman"), engine("docker")];
    expect(chooseEngine(both, "auto").kind).toBe("podman");
    expect(chooseEngine(both, "docker").kind).toBe("docker");
    expect(chooseEngine([engine("podman", "it is broken"), engine("docker")], "auto").kind).toBe("docker");
  });

  it.each([
    ["off", [engine("podman")], "containers are off on this server"],
    ["auto", [], "neither podman nor docker on the PATH"],
    ["podman", [engine("docker")], "there is no podman on the PATH"],
    [
      "auto",
      [engine("podman", "no subuids"), engine("docker", "no daemon")],
      "podman does not work: no subuids; docker does not work: no daemon",
    ],
  ] as const)("is missing with what to do: %s", (choice, found, message) => {
    expect(() => chooseEngine(found, choice)).toThrow(message);
  });
});

describe("what engines say", () => {
  it.each([
    ["Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "start it"],
    ["permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock", "group docker"],
    ['Error: cannot set up namespace using "/usr/bin/newuidmap": exit status 1', "--add-subuids"],
    [
      "Error: runc: runc create failed: error setting rlimits: setrlimit RLIMIT_NOFILE: operation not permitted: OCI permission denied",
      "default_ulimits",
    ],
    [
      'Error: unable to start container: /usr/bin/slirp4netns failed: "open(\\"/dev/net/tun\\"): Permission denied"',
      "nitrous/network: host",
    ],
    ["Error: OCI runtime error: crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2", "install runc"],
    ["Error: setting CDI devices: unresolvable CDI devices nvidia.com/gpu=0", "nvidia-ctk cdi generate"],
    ['docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]]', "NVIDIA Container Toolkit"],
    ['Error: short-name "nothing" did not resolve to an alias and no unqualified-search registries are defined', "docker.io/library"],
    [
      "Error: initializing source docker://example.com/a:1: pinging container registry example.com: dial tcp: no such host",
      "cannot be reached",
    ],
    ["Error: reading manifest 9 in docker.io/library/python: manifest unknown", "no such image or tag"],
    ["Error: initializing source: unauthorized: authentication required", "podman login"],
    [
      'Error: unable to start container: runc: exec: "serve": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found',
      "has no such program",
    ],
  ])("comes with what to do: %s", (said, advice) => {
    expect(explainEngineError("podman", said)).toContain(advice);
  });

  it("comes without its decoration and without warnings", () => {
    const said = 'time="2026-11-21T20:00:00Z" level=warning msg="old cgroups"\nWARN[0000] again\nError: it is no good\n';
    expect(explainEngineError("podman", said)).toBe("it is no good");
    expect(explainEngineError("podman", 'time="now" level=error msg="no \\"good\\""')).toBe('no "good"');
    expect(explainEngineError("docker", "")).toBe("docker said nothing");
  });
});
