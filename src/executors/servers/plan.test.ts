import { describe, expect, it } from "vitest";
import { container } from "../../../test/server-containers.ts";
import type { ContainerSpec, Mount } from "../../core/container.ts";
import { assignedPorts, OWN_PORTS } from "./assigned-ports.ts";
import { groupCandidates } from "./groups.ts";
import { launcherPlan, type PlanParts, placeInText } from "./plan.ts";

const PARTS: Omit<PlanParts, "words"> = {
  assigned: {},
  path: "/bin",
  language: "C.UTF-8",
  temporary: "/tmp/nitrous-host-1",
  namespaces: true,
  ports: OWN_PORTS,
  objects: new Map(),
  groups: { memory: [], processors: [] },
  freeDisk: 1000,
  hidden: ["/home/me", "/tmp", "/home/me/cache/nitrous", "/mnt/models/secret"],
  shown: ["/home/me/cache", "/home/me/cache/nitrous/environments"],
  devices: [],
  temporaryPlaces: ["/tmp"],
  kept: [],
  withoutLinks: (path) => path,
};

const MOUNTS: readonly Mount[] = [
  { path: "/mnt/models", readOnly: true, source: { kind: "folder", path: "/srv/iris" } },
  { path: "/cache", readOnly: false, source: { kind: "empty", sizeLimit: 50, inMemory: false } },
  { path: "/dev/shm", readOnly: false, source: { kind: "empty", sizeLimit: 70, inMemory: true } },
  {
    path: "/etc/db",
    readOnly: true,
    source: { kind: "object", of: { kind: "secret", namespace: "n", object: "o" }, items: undefined, optional: false },
  },
];

function plan(spec: ContainerSpec, parts: Partial<PlanParts> = {}) {
  const environment = Object.fromEntries(spec.environment.flatMap((each) => ("value" in each ? [[each.name, each.value]] : [])));
  return launcherPlan(spec, { ...PARTS, words: { environment, command: spec.command, arguments: spec.arguments }, ...parts }).plan;
}

const spec = container({
  command: ["serve"],
  arguments: ["--dir=/mnt/models", "--port=8080"],
  environment: [
    { name: "CACHE", value: "/cache/tmp" },
    { name: "CUDA_VISIBLE_DEVICES", value: "0" },
    { name: "HOME", value: "/cache" },
  ],
  mounts: MOUNTS,
});

describe("the plan of a server with namespaces of its own", () => {
  const planned = plan(spec, {
    assigned: { CUDA_VISIBLE_DEVICES: "1" },
    objects: new Map([[3, [{ path: "a/b", content: Buffer.from("x") }]]]),
  });

  it("has its words as they are", () => {
    expect(planned.command).toEqual(["serve", "--dir=/mnt/models", "--port=8080"]);
  });

  it("has the variables of its spec, what every program needs, and nothing of the server", () => {
    expect(planned.environment).toEqual({
      PATH: "/bin",
      HOME: "/cache",
      LANG: "C.UTF-8",
      TMPDIR: "/tmp",
      CACHE: "/cache/tmp",
      // What the server assigned, whatever the spec says.
      CUDA_VISIBLE_DEVICES: "1",
    });
  });

  it("mounts its folders where it sees them", () => {
    const shown = (path: string) => ({ to: path, from: path, writable: false, limit: null });
    const hidden = (path: string) => ({ to: path, from: null, writable: false, limit: null });
    // What lies in another place comes after it.
    expect(planned.view.places).toEqual([
      { to: "/tmp", from: "/tmp/nitrous-host-1/tmp", writable: true, limit: null },
      { to: "/run", from: "/tmp/nitrous-host-1/run", writable: true, limit: null },
      { to: "/cache", from: "/tmp/nitrous-host-1/volumes/1", writable: true, limit: null },
      hidden("/home/me"),
      { to: "/mnt/models", from: "/srv/iris", writable: false, limit: null },
      { to: "/dev/shm", from: null, writable: true, limit: 70 },
      { to: "/etc/db", from: "/tmp/nitrous-host-1/volumes/3", writable: false, limit: null },
      shown("/home/me/cache"),
      { to: "/tmp/nitrous-host-1/home", from: "/tmp/nitrous-host-1/home", writable: true, limit: null },
      hidden("/home/me/cache/nitrous"),
      shown("/home/me/cache/nitrous/environments"),
    ]);
    expect(planned.files).toEqual([{ path: "/tmp/nitrous-host-1/volumes/3/a/b", content: "eA==" }]);
  });

  it("limits what it writes: each volume with a limit, and all together", () => {
    expect(planned.disk.map(({ folders, limit }) => [folders.length, limit])).toEqual([
      [1, 50],
      [4, 500],
    ]);
    const limited = plan(container({ command: ["serve"], resources: { diskLimit: 10 } }));
    expect(limited.disk).toMatchObject([{ limit: 10, title: expect.stringContaining("(resources.limits.ephemeral-storage)") }]);
  });

  it("has a folder of its own to work in", () => {
    expect(planned.directory).toBe("/tmp/nitrous-host-1/home");
    expect(plan({ ...spec, workingDirectory: "/cache" }).directory).toBe("/cache");
  });
});

describe("the plan of a server without them", () => {
  const planned = plan(
    { ...spec, workingDirectory: "/mnt/models/code" },
    { namespaces: false, ports: assignedPorts([{ name: "http", number: 8080 }], [40001]) },
  );

  it("has real paths and assigned ports in its words", () => {
    expect(planned.command).toEqual(["serve", "--dir=/srv/iris", "--port=40001"]);
    expect(planned.environment).toMatchObject({ CACHE: "/tmp/nitrous-host-1/volumes/1/tmp", PORT: "40001", HTTP_PORT: "40001" });
    expect(planned.directory).toBe("/srv/iris/code");
  });

  it("has its memory volumes on the disk, and they count there", () => {
    expect(planned.folders).toContain("/tmp/nitrous-host-1/volumes/2");
    expect(planned.disk.at(-1)?.folders).toContain("/tmp/nitrous-host-1/volumes/2");
  });
});

it("replaces whole paths only, the longest first", () => {
  const place = placeInText([
    ["/mnt/models", "/srv/a"],
    ["/mnt/models/extra", "/srv/b"],
    ["/same", "/same"],
  ]);
  expect(place("/mnt/models /mnt/models/x --m=/mnt/models/extra/y")).toBe("/srv/a /srv/a/x --m=/srv/b/y");
  expect(place("/mnt/models-2 /data/mnt/models /same")).toBe("/mnt/models-2 /data/mnt/models /same");
});

describe("control groups", () => {
  const everything = (): boolean => true;

  it("are below and beside the server's own in version 2", () => {
    const memberships = "0::/user.slice/app.slice/run.scope\n";
    const { memory, processors } = groupCandidates("nitrous-host-1", memberships, everything);
    expect(memory.map(({ folder }) => folder)).toEqual([
      "/sys/fs/cgroup/user.slice/app.slice/run.scope/nitrous-host-1",
      "/sys/fs/cgroup/user.slice/app.slice/nitrous-host-1",
    ]);
    expect(processors).toEqual(memory);
  });

  it("are below the server's own in version 1, of each controller", () => {
    const memberships = "4:memory:/jobs/1\n1:cpu,cpuacct:/\n0::/\n";
    const has = (path: string): boolean => !path.endsWith("cgroup.controllers");
    const { memory, processors } = groupCandidates("g", memberships, has);
    expect(memory).toEqual([
      { version: 1, folder: "/sys/fs/cgroup/memory/jobs/1/g" },
      { version: 1, folder: "/sys/fs/cgroup/memory/g" },
    ]);
    expect(processors).toEqual([{ version: 1, folder: "/sys/fs/cgroup/cpu,cpuacct/g" }]);
  });

  it("are none where the system has none", () => {
    expect(groupCandidates("g", "", () => false)).toEqual({ memory: [], processors: [] });
  });
});
