import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TarEntry, tarGzOf, tarOf, type ZipEntry, zipOf } from "../../../test/archives.ts";
import { ServeError } from "../../core/errors.ts";
import { entryNames } from "./entry-path.ts";
import { type ArchiveLimits, DEFAULT_LIMITS } from "./limits.ts";
import { archiveFormatOf, contentRoot, unpack } from "./unpack.ts";

let folder: string;
let target: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unpack-"));
  target = join(folder, "target");
  await mkdir(target);
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function unpacked(name: string, archive: Buffer, limits: Partial<ArchiveLimits> = {}, signal = new AbortController().signal) {
  await writeFile(join(folder, name), archive);
  await unpack(join(folder, name), archiveFormatOf(name) ?? "tar", target, { ...DEFAULT_LIMITS, ...limits }, signal);
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServeError);
  // Nothing got out of the folder, whatever is left in it.
  expect((await readdir(folder)).filter((name) => name !== "target" && !name.startsWith("a."))).toEqual([]);
  return `${(error as ServeError).code}: ${(error as ServeError).message}`;
}

const LINK = 0o120777;
const DEVICE = 0o020644;

describe("unpacking", () => {
  const files = [
    { name: "model/", type: "5" },
    { name: "model/config.pbtxt", content: "name: 1" },
    { name: "model/1/model.onnx", content: Buffer.alloc(200_000, 7), mode: 0o755 },
    { name: "model/.DS_Store", content: "noise" },
    { name: "__MACOSX/model/._config.pbtxt", content: "noise" },
  ];

  it.each([
    ["a.tar", tarOf(files)],
    ["a.tar.gz", tarGzOf(files)],
    ["a.tgz", tarOf(files)],
    [
      "a.zip",
      zipOf(
        files
          .map(({ name, content = "", mode }) => ({ name, content, mode: 0o100000 | (name.endsWith("/") ? 0 : (mode ?? 0o644)) }))
          .slice(1),
      ),
    ],
  ])("writes the files of %s, without what macOS adds", async (name, archive) => {
    await unpacked(name, archive);
    expect(await readdir(target)).toEqual(["model"]);
    expect((await readdir(join(target, "model"))).sort()).toEqual(["1", "config.pbtxt"]);
    expect(await readFile(join(target, "model", "config.pbtxt"), "utf8")).toBe("name: 1");
    expect((await readFile(join(target, "model", "1", "model.onnx"))).equals(Buffer.alloc(200_000, 7))).toBe(true);
    expect((await stat(join(target, "model", "1", "model.onnx"))).mode & 0o111).not.toBe(0);
    expect(await contentRoot(target)).toBe(join(target, "model"));
  });

  it("reads many entries, some of them larger than what is read at once", async () => {
    const entries = Array.from({ length: 200 }, (_, index) => ({ name: `f${index}`, content: Buffer.alloc(index * 1000, index) }));
    await unpacked("a.tar", tarOf(entries));
    for (const { name, content } of entries) expect((await readFile(join(target, name))).equals(content)).toBe(true);
  });

  it("stops when it is aborted, with the signal's reason", async () => {
    const controller = new AbortController();
    const work = unpacked("a.tar", tarOf(files), {}, controller.signal);
    controller.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
  });

  it.each(["m.mar", "m.npz", "m.keras", "m.pt", "m.onnx", "zip"])("leaves %s alone, which is no archive for us", (name) => {
    expect(archiveFormatOf(name)).toBeUndefined();
  });
});

describe("an archive is refused", () => {
  const tars: ReadonlyArray<readonly [string, readonly TarEntry[], RegExp]> = [
    ["a path that leads out", [{ name: "../evil", content: "x" }], /leads out/],
    ["a path that leads out later", [{ name: "a/../../evil", content: "x" }], /leads out/],
    ["an absolute path", [{ name: "/tmp/evil", content: "x" }], /absolute/],
    ["a backslash", [{ name: "..\\evil", content: "x" }], /backslash/],
    ["a drive letter", [{ name: "C:evil", content: "x" }], /drive letter/],
    ["a symbolic link", [{ name: "link", type: "2", link: "/etc/passwd" }], /a link to "\/etc\/passwd".*--dereference/],
    [
      "a write through a link",
      [
        { name: "d", type: "2", link: "/tmp" },
        { name: "d/evil", content: "x" },
      ],
      /link/,
    ],
    ["a hard link", [{ name: "hard", type: "1", link: "/etc/passwd" }], /link/],
    ["a character device", [{ name: "null", type: "3" }], /only files and folders/],
    ["a block device", [{ name: "disk", type: "4" }], /only files and folders/],
    ["a fifo", [{ name: "pipe", type: "6" }], /only files and folders/],
    ["an unknown kind", [{ name: "what", type: "Z" }], /only files and folders/],
    [
      "a name twice",
      [
        { name: "m", content: "1" },
        { name: "m", content: "2" },
      ],
      /"m" twice/,
    ],
    [
      "names that differ in case",
      [
        { name: "M", content: "1" },
        { name: "m", content: "2" },
      ],
      /one on some systems/,
    ],
    [
      "a file that is a folder too",
      [
        { name: "m", content: "1" },
        { name: "m/n", content: "2" },
      ],
      /twice/,
    ],
    ["no files", [{ name: "d/", type: "5" }], /holds no files/],
  ];
  it.each(tars)("for %s in a tar file", async (_what, entries, why) => {
    const message = await failure(unpacked("a.tar.gz", tarGzOf(entries)));
    expect(message).toMatch(/^FAILED_PRECONDITION/);
    expect(message).toMatch(why);
  });

  const zips: ReadonlyArray<readonly [string, readonly ZipEntry[], RegExp]> = [
    ["a path that leads out", [{ name: "../evil", content: "x" }], /leads out/],
    ["an absolute path", [{ name: "/tmp/evil", content: "x" }], /absolute/],
    ["a backslash", [{ name: "..\\evil", content: "x" }], /backslash/],
    ["a symbolic link", [{ name: "link", content: "/etc/passwd", mode: LINK }], /link/],
    ["a device", [{ name: "null", mode: DEVICE }], /neither a file nor a folder/],
    ["an encrypted entry", [{ name: "m", content: "x", encrypted: true }], /encrypted.*without a password/],
    ["an unknown compression", [{ name: "m", content: "x", method: 93 }], /method 93/],
    [
      "a name twice",
      [
        { name: "m", content: "1" },
        { name: "m", content: "2" },
      ],
      /"m" twice/,
    ],
    [
      "names that differ in case",
      [
        { name: "d/M", content: "1" },
        { name: "D/m", content: "2" },
      ],
      /one on some systems/,
    ],
  ];
  it.each(zips)("for %s in a zip file", async (_what, entries, why) => {
    const message = await failure(unpacked("a.zip", zipOf(entries)));
    expect(message).toMatch(/^FAILED_PRECONDITION/);
    expect(message).toMatch(why);
  });

  const zeros = Buffer.alloc(20 * 1024 ** 2);
  it.each([
    ["a.tar.gz", tarGzOf([{ name: "m", content: zeros }])],
    ["a.zip", zipOf([{ name: "m", content: zeros }])],
  ])("for more than its limits: %s", async (name, archive) => {
    expect(await failure(unpacked(name, archive))).toMatch(/FAILED_PRECONDITION.*200 times its size/);
  });

  it("for too many bytes, entries or letters", async () => {
    const entries = Array.from({ length: 20 }, (_, index) => ({ name: `file${index}`, content: Buffer.alloc(1000) }));
    expect(await failure(unpacked("a.tar", tarOf(entries), { bytes: 5000 }))).toMatch(/more than 5000 bytes/);
    await rm(target, { recursive: true });
    await mkdir(target);
    expect(await failure(unpacked("a.zip", zipOf(entries), { entries: 5 }))).toMatch(/more than 5 entries/);
    await rm(target, { recursive: true });
    await mkdir(target);
    expect(await failure(unpacked("a.zip", zipOf(entries), { pathBytes: 3 }))).toMatch(/longer than 3 bytes/);
  });
});

describe("a damaged archive is said to be damaged", () => {
  const tar = tarGzOf([{ name: "m", content: Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)) }]);
  const zip = zipOf([{ name: "m", content: "some content" }]);
  it.each([
    ["a.tar.gz", tar.subarray(0, tar.length / 2), "cut short"],
    ["a.tar.gz", Buffer.concat([tar.subarray(0, 200), Buffer.alloc(50), tar.subarray(250)]), "overwritten"],
    ["a.tar", tarOf([{ name: "m", content: "x" }]).subarray(0, 1024), "without its end mark"],
    ["a.tar", Buffer.from("<html>not found</html>".repeat(100)), "a web page"],
    ["a.tar.gz", gzipSync(tar), "gzipped twice"],
    ["a.zip", zip.subarray(0, zip.length - 30), "cut short"],
    ["a.zip", Buffer.from("<html>not found</html>".repeat(100)), "a web page"],
    ["a.zip", zipOf([{ name: "m", content: "some content", checksum: 1 }]), "with a wrong checksum"],
    ["a.zip", zipOf([{ name: "m", content: "some content", size: 3 }]), "larger than it says"],
  ])("%s (%#)", async (name, archive, _what) => {
    expect(await failure(unpacked(name, archive))).toMatch(/^DATA_LOSS: the archive is damaged/);
  });
});

describe("a path in an archive", () => {
  it("never leads out of the folder, whatever it is", () => {
    const part = fc.constantFrom("..", ".", "", "a", "C:", "\\", "/", "b.onnx", "\0");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        try {
          const names = entryNames(parts.join("/"), 1024);
          expect(names.every((name) => name !== ".." && !/[/\\\0]/.test(name))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });
});
