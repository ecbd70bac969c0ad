import { describe, expect, it } from "vitest";
import { type ContainerPlan, createWords } from "./create-words.ts";

const plan: ContainerPlan = {
  name: "nitrous-default-iris-0a1b2c3d4e",
  labels: { "nitrous.server": "0123456789abcdef01234567", "nitrous.host": "default/iris" },
  runtime: undefined,
  image: "example.com/iris:1",
  command: [],
  arguments: [],
  workingDirectory: undefined,
  environment: {},
  secrets: new Set(),
  network: "private",
  publish: [8080],
  binds: [],
  memoryMounts: [],
  memoryLimit: undefined,
  processorLimit: undefined,
  processLimit: 4096,
  user: undefined,
  group: undefined,
  devices: [],
  ulimits: {},
  labelling: false,
};

const full: ContainerPlan = {
  ...plan,
  command: ["python", "-m", "server"],
  arguments: ["--port=8080", "a b"],
  workingDirectory: "/app",
  environment: { BATCH_SIZE: "32", TOKEN: "secret", TEXT: "a=b c" },
  secrets: new Set(["TOKEN"]),
  publish: [8080, 9000],
  binds: [
    { source: "/cache/model", target: "/mnt/models", readOnly: true },
    { source: "/data,1", target: "/data", readOnly: false },
  ],
  memoryMounts: [
    { target: "/dev/shm", size: 1024 },
    { target: "/scratch", size: undefined },
  ],
  memoryLimit: 64 * 2 ** 20,
  processorLimit: 1.5,
  user: 1000,
  group: 1001,
  devices: ["--device=nvidia.com/gpu=GPU-1"],
  ulimits: { nofile: 20_000 },
  labelling: true,
};

describe("the words of podman create", () => {
  it("take every privilege away and publish ports on loopback alone", () => {
    expect(createWords("podman", plan)).toEqual([
      "create",
      "--name=nitrous-default-iris-0a1b2c3d4e",
      "--label=nitrous.server=0123456789abcdef01234567",
      "--label=nitrous.host=default/iris",
      "--pull=never",
      "--log-driver=none",
      "--stop-timeout=0",
      "--cap-drop=all",
      "--security-opt=no-new-privileges",
      "--http-proxy=false",
      "--pids-limit=4096",
      "--publish=127.0.0.1::8080/tcp",
      "example.com/iris:1",
    ]);
  });

  it("say everything that a spec can say, and no secret", () => {
    expect(createWords("podman", full).slice(7)).toEqual([
      "--cap-drop=all",
      "--security-opt=no-new-privileges",
      "--security-opt=label=disable",
      "--http-proxy=false",
      "--pids-limit=4096",
      "--memory=67108864b",
      "--memory-swap=67108864b",
      "--cpus=1.5",
      "--ulimit=nofile=20000:20000",
      "--user=1000:1001",
      "--workdir=/app",
      "--publish=127.0.0.1::8080/tcp",
      "--publish=127.0.0.1::9000/tcp",
      "--mount=type=bind,source=/cache/model,target=/mnt/models,readonly",
      "--volume=/data,1:/data:rw",
      "--tmpfs=/dev/shm:rw,exec,nosuid,nodev,mode=1777,size=1024",
      "--tmpfs=/scratch:rw,exec,nosuid,nodev,mode=1777",
      "--device=nvidia.com/gpu=GPU-1",
      "--env=BATCH_SIZE=32",
      "--env=TOKEN",
      "--env=TEXT=a=b c",
      "--entrypoint=python",
      "example.com/iris:1",
      "-m",
      "server",
      "--port=8080",
      "a b",
    ]);
  });
});

describe("the words of docker create", () => {
  it("differ where podman has something of its own", () => {
    const words = createWords("docker", plan);
    expect(words).toEqual(createWords("podman", plan).filter((word) => word !== "--http-proxy=false"));
  });

  it("leave the ports of a container on the machine's network to it", () => {
    const words = createWords("docker", { ...plan, network: "host", publish: [80] });
    expect(words).toContain("--network=host");
    expect(words.join(" ")).not.toMatch(/--publish|--sysctl/);
  });
});

it("lets a program without capabilities listen on a low port of its own network", () => {
  expect(createWords("podman", { ...plan, publish: [80] })).toContain("--sysctl=net.ipv4.ip_unprivileged_port_start=0");
});

it("names another runtime before the command", () => {
  expect(createWords("podman", { ...plan, runtime: "runc" }).slice(0, 2)).toEqual(["--runtime=runc", "create"]);
});

it("adds a group to the user whom the image names", () => {
  expect(createWords("podman", { ...plan, group: 7 })).toContain("--group-add=7");
});

it.each([
  [{ binds: [{ source: "/a,b", target: "/c:d", readOnly: true }] }, "commas and colons"],
  [{ memoryMounts: [{ target: "/a:b", size: 1 }] }, "comma or a colon"],
] as const)("refuses paths that it cannot say: %j", (more, message) => {
  expect(() => createWords("podman", { ...plan, ...more })).toThrow(message);
});
