import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tarGzOf, zipOf } from "../../test/archives.ts";
import { FakeClock } from "../../test/fake-clock.ts";
import { fileHandler, LoopbackServer } from "../../test/loopback-server.ts";
import { ServeError } from "../core/errors.ts";
import { createStorage, type Fetched, whyUnsupported } from "./index.ts";
import { howFar, Progress } from "./progress.ts";

const full = vi.hoisted(() => ({ disk: false }));
vi.mock("./write-chunks.ts", async (original) => {
  const real = await original<typeof import("./write-chunks.ts")>();
  const writeChunks: typeof real.writeChunks = async (path, chunks, options) => {
    await real.writeChunks(path, chunks, options);
    if (full.disk) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  return { writeChunks };
});

const sha256 = (content: Buffer | string): string => createHash("sha256").update(content).digest("hex");

let folder: string;
let lines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "storage-"));
  lines = [];
  full.disk = false;
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

/** Fetches as a server does that has just started. */
async function fetched(uri: string, hash?: string, signal = new AbortController().signal): Promise<Fetched> {
  const storage = createStorage({
    cacheDirectory: join(folder, "cache"),
    volumes: { models: join(folder, "volume") },
    clock: new FakeClock(),
  });
  return await storage.fetch(
    { uri, baseDirectory: folder, ...(hash === undefined ? {} : { sha256: hash }) },
    (line) => lines.push(line),
    signal,
  );
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServeError);
  return `${(error as ServeError).code}: ${(error as ServeError).message}`;
}

const kept = async (): Promise<string[]> => [
  ...(await readdir(join(folder, "cache/content"))),
  ...(await readdir(join(folder, "cache/temporary"))),
];

describe("a local path", () => {
  it("is used in place, written as a path, a file URL or a path in a volume", async () => {
    await mkdir(join(folder, "volume/iris one"), { recursive: true });
    const path = join(folder, "volume/iris one");
    await writeFile(join(path, "model.json"), "{}");
    for (const uri of [path, "volume/iris one", `./volume/iris one/`, pathToFileURL(path).href, "pvc://models/iris one"]) {
      expect(await fetched(uri)).toEqual({ path });
    }
    expect(await fetched("pvc://models/iris one/model.json", sha256("{}"))).toEqual({
      path: join(path, "model.json"),
      bytes: 2,
      sha256: sha256("{}"),
    });
    await expect(readdir(join(folder, "cache"))).rejects.toThrow("ENOENT");
  });

  it("that does not exist is told with what is there", async () => {
    await mkdir(join(folder, "models/empty"), { recursive: true });
    await writeFile(join(folder, "models/model.onnx"), "x");
    expect(await failure(fetched("models/modle.onnx"))).toBe(
      `NOT_FOUND: there is no ${folder}/models/modle.onnx; did you mean model.onnx in ${folder}/models?`,
    );
    expect(await failure(fetched("models/completely-different"))).toMatch(/holds no completely-different, only empty, model.onnx$/);
    expect(await failure(fetched("model/deep/er"))).toMatch(/did you mean models in/);
    expect(await failure(fetched("models/model.onnx/1/x"))).toMatch(/models\/model.onnx is a file, not a folder$/);
    expect(await failure(fetched("models/empty"))).toMatch(/^NOT_FOUND: the folder .* is empty/);
    expect(await failure(fetched("models/empty/x"))).toMatch(/^NOT_FOUND: .*is empty/);
    expect(await failure(fetched("x".repeat(300)))).toMatch(/^INVALID_ARGUMENT/);
  });

  it("that is no file, or leads to itself, is refused", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await symlink("loop", join(folder, "loop"));
    expect(await failure(fetched("pipe"))).toMatch(/^FAILED_PRECONDITION: .*neither a file nor a folder/);
    expect(await failure(fetched("loop"))).toMatch(/^FAILED_PRECONDITION: .*leads to itself/);
  });

  it.skipIf(process.getuid?.() === 0)("that may not be read is said to be so", async () => {
    await writeFile(join(folder, "secret.onnx"), "x", { mode: 0 });
    await mkdir(join(folder, "hidden"));
    await chmod(join(folder, "hidden"), 0);
    expect(await failure(fetched("secret.onnx"))).toMatch(/^PERMISSION_DENIED: .*EACCES/);
    expect(await failure(fetched("hidden"))).toMatch(/^PERMISSION_DENIED: .*EACCES/);
  });

  it("with another hash than expected is refused", async () => {
    await writeFile(join(folder, "m.onnx"), "x");
    const message = await failure(fetched("m.onnx", sha256("y")));
    expect(message).toMatch(/^DATA_LOSS/);
    expect(message).toContain(sha256("x"));
    expect(message).toContain(sha256("y"));
    expect(await failure(fetched(".", sha256("y")))).toMatch(/^INVALID_ARGUMENT: .*is a folder/);
    expect(await failure(fetched("m.onnx", "abc"))).toMatch(/^INVALID_ARGUMENT: .*64 hexadecimal digits/);
  });
});

describe("a local archive", () => {
  it.each([
    ["m.tar.gz", tarGzOf([{ name: "1/model.onnx", content: "one" }])],
    ["m.zip", zipOf([{ name: "1/model.onnx", content: "one" }])],
  ])("is unpacked once, also over restarts: %s", async (name, archive) => {
    await writeFile(join(folder, name), archive);
    const all = await Promise.all([fetched(name), fetched(name), fetched(name)]);
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    // A numbered folder is a version, and not only wrapping.
    expect(await readFile(join(all[0]?.path ?? "", "1/model.onnx"), "utf8")).toBe("one");
    expect(all[0]).toMatchObject({ bytes: archive.length, sha256: sha256(archive) });
    lines = [];
    expect(await fetched(name)).toEqual(all[0]);
    expect(lines).toEqual([]);
    expect(await kept()).toHaveLength(1);
  });

  it("is unpacked again when it has changed", async () => {
    await writeFile(join(folder, "m.zip"), zipOf([{ name: "a", content: "one" }]));
    const first = await fetched("m.zip");
    await writeFile(join(folder, "m.zip"), zipOf([{ name: "a", content: "two" }]));
    await utimes(join(folder, "m.zip"), 1, 1);
    const second = await fetched("m.zip");
    expect(await readFile(join(first.path, "a"), "utf8")).toBe("one");
    expect(await readFile(join(second.path, "a"), "utf8")).toBe("two");
  });

  it("that is refused or damaged leaves nothing behind", async () => {
    await writeFile(
      join(folder, "evil.zip"),
      zipOf([
        { name: "good", content: "x" },
        { name: "../evil", content: "x" },
      ]),
    );
    expect(await failure(fetched("evil.zip"))).toMatch(/^FAILED_PRECONDITION: .*leads out/);
    await writeFile(join(folder, "cut.tgz"), tarGzOf([{ name: "m", content: "x" }]).subarray(0, 60));
    expect(await failure(fetched("cut.tgz"))).toMatch(/^DATA_LOSS/);
    await writeFile(join(folder, "m.zip"), zipOf([{ name: "m", content: "x" }]));
    expect(await failure(fetched("m.zip", sha256("y")))).toMatch(/^DATA_LOSS/);
    const stopped = new AbortController();
    const work = fetched("m.zip", undefined, stopped.signal);
    stopped.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    expect(await kept()).toEqual([]);
  });
});

describe("a full disk", () => {
  it("is said to be full, and gets back what had been written", async () => {
    const server = await LoopbackServer.start(fileHandler(Buffer.from("content")));
    try {
      full.disk = true;
      await writeFile(join(folder, "m.zip"), zipOf([{ name: "m", content: "x" }]));
      expect(await failure(fetched("m.zip"))).toMatch(/^RESOURCE_EXHAUSTED: there is no space left for the cache .*\(ENOSPC\)/);
      expect(await failure(fetched(server.url("/m.onnx")))).toMatch(/^RESOURCE_EXHAUSTED/);
      expect([...(await kept()), ...(await readdir(join(folder, "cache/downloads")))]).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it("and a cache that is no folder are told apart", async () => {
    await writeFile(join(folder, "cache"), "a file");
    await writeFile(join(folder, "m.zip"), zipOf([{ name: "m", content: "x" }]));
    expect(await failure(fetched("m.zip"))).toMatch(/^FAILED_PRECONDITION: the cache .* is not a folder/);
  });
});

describe("a storageUri", () => {
  it.each([
    ["s3://bucket/model", /^FAILED_PRECONDITION: this version does not fetch from s3:\/\/ yet; a local path, pvc:\/\/ or http/],
    ["gs://bucket/model", /^FAILED_PRECONDITION: .*gs:\/\/ yet/],
    ["hf://owner/model", /^FAILED_PRECONDITION: .*hf:\/\/ yet/],
    ["oci://registry/model", /^FAILED_PRECONDITION: .*oci:\/\/ yet/],
    ["https://acc.blob.core.windows.net/c/p?sig=secret", /^FAILED_PRECONDITION: .*Azure storage/],
    ["https://user:secret@host/model.git", /^FAILED_PRECONDITION: .*Git repositories/],
    ["ftp://user:a@secret@host/model?secret", /^INVALID_ARGUMENT: .*StorageUri \[ftp:\/\/host\/model\?…\] is not supported/],
    ["", /^INVALID_ARGUMENT: storageUri is empty/],
    ["http://secret:99999999/", /^INVALID_ARGUMENT: storageUri is not a valid URL/],
    ["http://user:%zz@host/secret", /^INVALID_ARGUMENT: storageUri is not a valid URL/],
    ["pvc://", /^INVALID_ARGUMENT: .*names no volume/],
    ["file://elsewhere/model", /^INVALID_ARGUMENT: .*write file:\/\/\/absolute\/path/],
  ])("%j that cannot be fetched says why, before and while it is fetched", async (uri, message) => {
    const text = await failure(fetched(uri));
    expect(text).toMatch(message);
    expect(text).not.toMatch(/secret/);
    expect(text).toContain(whyUnsupported(uri));
  });

  it("of a volume that is not configured, or a path outside of it, is refused", async () => {
    expect(await failure(fetched("pvc://model/x"))).toMatch(
      /^FAILED_PRECONDITION: there is no volume model: the configured volumes are models/,
    );
    expect(await failure(fetched("pvc://models/../x"))).toMatch(/^INVALID_ARGUMENT: .*leaves the volume/);
    expect(await failure(fetched("pvc://constructor/x"))).toMatch(/^FAILED_PRECONDITION/);
  });

  it("that can be fetched has no problem", () => {
    for (const uri of ["models/x", "/x", "file:///x", "pvc://a/b", "https://host/x?y"]) expect(whyUnsupported(uri)).toBeUndefined();
  });
});

describe("progress", () => {
  it("is told at once, and then every other second", async () => {
    const clock = new FakeClock();
    const progress = new Progress("X", 40 * 1024 ** 2, clock, (line) => lines.push(line));
    progress.report(0);
    progress.report(1024 ** 2);
    await clock.advance(2000);
    progress.report(12 * 1024 ** 2);
    expect(lines).toEqual(["fetching X: 0 of 40 MiB (0%)", "fetching X: 12 of 40 MiB (30%)"]);
    expect(howFar(1.5 * 1024 ** 3, 4 * 1024 ** 3)).toBe("1.5 of 4.0 GiB (37%)");
    expect(howFar(2048, undefined)).toBe("2 KiB");
    expect(howFar(0, 0)).toBe("0 of 0 bytes (100%)");
  });
});
