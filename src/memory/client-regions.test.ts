import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { ClientRegions } from "./client-regions.ts";

let directory: string;
let clock: FakeClock;
let regions: ClientRegions;
const object = (name: string, bytes: Uint8Array = new Uint8Array(64).map((_, index) => index)): void =>
  writeFileSync(join(directory, name), bytes);
const register = (name: string, key = `/${name}`, offset = 0, byteSize = 64, owner = "") =>
  regions.register({ name, key, offset, byteSize }, owner);
const hold = (region: string, offset: number | bigint = 0, byteSize: number | bigint = 64, owner = "") =>
  regions.hold({ region, offset, byteSize }, owner);
/** Descriptors of this process that lead into the directory. */
const open = (): string[] => regions.status(undefined, "").map(({ name }) => name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "regions-"));
  clock = new FakeClock();
  regions = new ClientRegions({ allowed: true, clock, directory });
});
afterEach(() => {
  regions.close();
  rmSync(directory, { recursive: true });
});

describe("registering", () => {
  it("lists, and forgets what it is told to; what is not there is no error", async () => {
    object("a");
    object("b");
    await register("a", "/a", 8, 16);
    // As Python's shared_memory has it, with a slash of its own before the client's.
    await register("b", "//b");
    expect(regions.status(undefined, "")).toEqual([
      { name: "a", key: "/a", offset: 8, byteSize: 16 },
      { name: "b", key: "//b", offset: 0, byteSize: 64 },
    ]);
    expect(regions.status("a", "")).toHaveLength(1);
    regions.unregister("nothing", "");
    regions.unregister("a", "");
    expect(() => regions.status("a", "")).toThrow("Unable to find system shared memory region: 'a'");
    regions.unregister(undefined, "");
    expect(regions.status(undefined, "")).toEqual([]);
  });

  it.each([
    ["/", "cannot register shared memory region 'x' - invalid shm key '/'"],
    ["///", "cannot register shared memory region 'x' - invalid shm key '///'"],
    ["", "invalid shm key"],
    ["/a/../../etc/passwd", "invalid shm key"],
    ["..", "invalid shm key"],
    ["/a\0b", "invalid shm key"],
    ["/sem.lock", "invalid shm key"],
    ["//triton_python_backend_shm_region_x", "as the key contains the reserved prefix 'triton_python_backend_shm_region_'"],
    ["/missing", "Unable to open shared memory region: '/missing': there is no such object"],
    ["/folder", "Unable to open shared memory region: '/folder'"],
    ["/link", "Unable to open shared memory region: '/link'"],
  ])("refuses the key %s", async (key, message) => {
    object("a");
    mkdirSync(join(directory, "folder"));
    symlinkSync("/etc/passwd", join(directory, "link"));
    await expect(register("x", key)).rejects.toThrow(message);
    expect(open()).toEqual([]);
  });

  it.each([
    [0, 65],
    [1, 64],
    [64, 1],
    [-1, 8],
    [0, 0],
    [Number.MAX_SAFE_INTEGER, 8],
    [8, Number.MAX_VALUE],
  ])("refuses what is outside of the object: %d, %d", async (offset, byteSize) => {
    object("a");
    await expect(register("a", "/a", offset, byteSize)).rejects.toThrow("failed to register shared memory region 'a': invalid args");
  });

  it("refuses a name twice, also while the first is on its way", async () => {
    object("a");
    const both = await Promise.allSettled([register("a"), register("a")]);
    expect(both.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    await expect(register("a")).rejects.toThrow("shared memory region 'a' already in manager");
  });

  it("keeps what is one owner's from others", async () => {
    object("a");
    await register("a", "/a", 0, 64, "ann");
    expect(regions.status(undefined, "bob")).toEqual([]);
    expect(() => hold("a", 0, 8, "bob")).toThrow("Unable to find shared memory region: 'a'");
    regions.unregister("a", "bob");
    regions.unregister(undefined, "bob");
    expect(regions.status("a", "ann")).toHaveLength(1);
    await register("a", "/a", 0, 64, "bob");
  });

  it("is for those whom the operator allowed it", async () => {
    const closed = new ClientRegions({ allowed: false, clock, directory });
    await expect(closed.register({ name: "a", key: "/a", offset: 0, byteSize: 1 }, "")).rejects.toThrow("Client shared memory is disabled");
    expect(() => closed.unregister("a", "")).toThrow("--allow-client-shm=true");
    expect(closed.status(undefined, "")).toEqual([]);
  });
});

describe("using", () => {
  it("reads and writes within the region", async () => {
    object("a");
    await register("a", "/a", 8, 16);
    const range = hold("a", 4, 8);
    expect([...(await range.read())]).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    await range.write([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    expect([...readFileSync(join(directory, "a")).subarray(11, 17)]).toEqual([11, 1, 2, 3, 15, 16]);
  });

  it("reads and writes what is large, in another thread", async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => index % 251));
    object("large", bytes);
    await register("large", "/large", 0, bytes.byteLength);
    const range = hold("large", 0, bytes.byteLength);
    expect(bytes.equals(await range.read())).toBe(true);
    const pieces = Array.from({ length: 3_000 }, (_, index) => new Uint8Array(100).fill(index));
    await range.write(pieces);
    expect(Buffer.concat(pieces).equals(readFileSync(join(directory, "large")))).toBe(true);
  });

  it.each<[number | bigint, number | bigint, string]>([
    [64, 0, "Invalid offset for shared memory region: 'a'"],
    [-1, 8, "Invalid offset for shared memory region: 'a'"],
    [1, 64, "Invalid offset + byte size for shared memory region: 'a'"],
    [0, -1, "Invalid offset + byte size for shared memory region: 'a'"],
    [32, 2n ** 64n - 32n, "Integer overflow detected: byte_size "],
    [2n ** 63n, 1, "Invalid offset for shared memory region: 'a'"],
  ])("refuses what is outside of it: %s, %s", async (offset, byteSize, message) => {
    object("a");
    await register("a");
    expect(() => hold("a", offset, byteSize)).toThrow(message);
    expect(() => hold("b", 0, 1)).toThrow("Unable to find shared memory region: 'b'");
  });

  it("never gives bytes that are not in the region, whatever is asked", async () => {
    object("a");
    await register("a", "/a", 16, 32);
    const numbers = fc.oneof(fc.integer({ min: -4, max: 40 }), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }));
    await fc.assert(
      fc.asyncProperty(numbers, numbers, async (offset, byteSize) => {
        const isInside = offset >= 0 && byteSize >= 0 && offset < 32 && BigInt(offset) + BigInt(byteSize) <= 32n;
        if (!isInside) {
          expect(() => hold("a", offset, byteSize)).toThrow();
          return;
        }
        const range = hold("a", offset, byteSize);
        const expected = Array.from({ length: Number(byteSize) }, (_, index) => 16 + Number(offset) + index);
        expect([...(await range.read())]).toEqual(expected);
        range.release();
      }),
    );
  });

  it("survives an object that its client makes smaller, and does not make it larger again", async () => {
    object("a");
    await register("a");
    const range = hold("a");
    truncateSync(join(directory, "a"), 8);
    await expect(range.read()).rejects.toThrow("has only 8 now: its client has made it smaller");
    await expect(range.write([new Uint8Array(64)])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(readFileSync(join(directory, "a")).byteLength).toBe(8);
  });

  it("keeps to the object that was registered when another takes its name", async () => {
    object("a");
    await register("a");
    rmSync(join(directory, "a"));
    object("a", new Uint8Array(64).fill(99));
    expect((await hold("a", 0, 3).read()).join()).toBe("0,1,2");
  });

  it("keeps a region while a request uses it, and takes no new one meanwhile", async () => {
    object("a");
    await register("a");
    const range = hold("a", 0, 2);
    regions.unregister(undefined, "");
    expect(open()).toEqual(["a"]);
    expect(() => hold("a")).toThrow("Unable to find");
    expect((await range.read()).join()).toBe("0,1");
    range.release();
    range.release();
    expect(open()).toEqual([]);
  });
});

describe("a client that is gone", () => {
  it("loses its regions when its objects are unlinked and unused for a minute", async () => {
    object("a");
    object("b");
    await register("a");
    await register("b");
    rmSync(join(directory, "a"));
    await clock.advance(30_000);
    hold("a", 0, 1).release();
    await clock.advance(40_000);
    expect(open()).toEqual(["a", "b"]);
    await clock.advance(60_000);
    expect(open()).toEqual(["b"]);
  });
});
