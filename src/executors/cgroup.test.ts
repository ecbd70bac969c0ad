import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cgroupMemory, headroom } from "./cgroup.ts";

const GIBIBYTE = 2 ** 30;
let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), "nitrous-cgroup-"));
});
afterEach(() => rm(tree, { recursive: true }));

/** What the kernel shows a process with these memberships, with these files below the mount. */
async function limitOf(memberships: string, files: Readonly<Record<string, string | number>>): ReturnType<typeof cgroupMemory> {
  for (const [name, text] of Object.entries({ memberships, ...files })) {
    const path = name === "memberships" ? join(tree, name) : join(tree, "mount", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${text}\n`);
  }
  return await cgroupMemory({ memberships: join(tree, "memberships"), mount: join(tree, "mount") });
}

describe("the limit of version 2", () => {
  it.each([
    [{ "memory.max": "max", "memory.current": 5 }, undefined],
    [
      { "memory.max": 4 * GIBIBYTE, "memory.current": GIBIBYTE },
      { version: 2, bytes: 4 * GIBIBYTE, used: GIBIBYTE },
    ],
    [
      { "memory.max": "max", "memory.high": GIBIBYTE, "memory.current": 7 },
      { version: 2, bytes: GIBIBYTE, used: 7 },
    ],
    [
      { "memory.max": 2 * GIBIBYTE, "memory.high": GIBIBYTE, "memory.current": 7 },
      { version: 2, bytes: GIBIBYTE, used: 7 },
    ],
    // The root of the machine has no usage and no limit.
    [{ "memory.stat": "inactive_file 3" }, undefined],
    [{ "memory.max": "nonsense", "memory.current": 5 }, undefined],
  ])("of %j is %j", async (files, expected) => {
    expect(await limitOf("0::/", files)).toEqual(expected);
  });

  it("does not count file pages that the kernel takes back", async () => {
    const files = { "memory.max": 100, "memory.current": 90, "memory.stat": "anon 20\ninactive_file 60\nactive_file 10" };
    expect(await limitOf("0::/", files)).toEqual({ version: 2, bytes: 100, used: 30 });
  });

  it("is that of the level which leaves least, from the process's own up to the mount", async () => {
    const files = {
      "memory.max": "max",
      "memory.current": 900,
      "pod/memory.max": 1000,
      "pod/memory.current": 950,
      "pod/server/memory.max": 400,
      "pod/server/memory.current": 100,
      "pod/other/memory.max": 1,
      "pod/other/memory.current": 1,
    };
    expect(await limitOf("0::/pod/server", files)).toEqual({ version: 2, bytes: 1000, used: 950 });
    expect(await limitOf("0::/pod/server", { ...files, "pod/memory.current": 500 })).toEqual({ version: 2, bytes: 400, used: 100 });
  });

  it.each(["0::/kubepods/pod1/box", "0::/../../elsewhere", "", "nonsense"])(
    "is at the mount when the path %j is not below it",
    async (memberships) => {
      expect(await limitOf(memberships, { "memory.max": 50, "memory.current": 20 })).toEqual({ version: 2, bytes: 50, used: 20 });
    },
  );
});

describe("the limit of version 1", () => {
  const memberships = "12:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n1:name=systemd:/docker/x\n0::/docker/x";

  it("is in the hierarchy of the memory controller, where nothing is the largest number of pages", async () => {
    const root = { "memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": 900 };
    expect(await limitOf(memberships, root)).toBeUndefined();
    const own = {
      ...root,
      "memory/docker/x/memory.limit_in_bytes": 300,
      "memory/docker/x/memory.usage_in_bytes": 200,
      "memory/docker/x/memory.stat": "inactive_file 1\ntotal_inactive_file 50",
    };
    expect(await limitOf(memberships, own)).toEqual({ version: 1, bytes: 300, used: 150 });
  });

  it("is at the mount in a container that sees the machine's paths", async () => {
    const files = { "memory/memory.limit_in_bytes": 300, "memory/memory.usage_in_bytes": 200 };
    expect(await limitOf(memberships, files)).toEqual({ version: 1, bytes: 300, used: 200 });
  });
});

it("leaves nothing where more is used than may be, which lowered limits bring", () => {
  expect(headroom({ version: 2, bytes: 10, used: 30 })).toBe(0);
});
