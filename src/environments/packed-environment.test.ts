import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findPackedEnvironment, type PackedEnvironment } from "./packed-environment.ts";
import { run } from "./run.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-packed-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program in the folder's bin that prints a line. */
async function program(name: string, script: string): Promise<void> {
  await mkdir(join(folder, "made", "bin"), { recursive: true });
  await writeFile(join(folder, "made", "bin", name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "made", "bin", name), 0o755);
}

const find = (path: string): Promise<PackedEnvironment> =>
  findPackedEnvironment(path, { directory: join(folder, "cache"), onProgress: () => undefined, signal: new AbortController().signal });

describe("an environment that somebody has made", () => {
  it("is used where it lies", async () => {
    await program("python", "echo 3.12");
    expect(await find(join(folder, "made"))).toEqual({ python: join(folder, "made", "bin", "python"), folder: undefined });
  });

  it("is unpacked once, and again when the archive has changed", async () => {
    const unpacked = join(folder, "unpacked");
    await program("python", 'case "$1" in *conda-unpack) echo x >> "$NOTES";; *) echo 3.9;; esac');
    await program("conda-unpack", "");
    process.env.NOTES = unpacked;
    const archive = join(folder, "environment.tar.gz");
    const pack = (): Promise<string> => run(["tar", "-czf", archive, "-C", join(folder, "made"), "."]);
    await pack();
    const first = await find(archive);
    expect(first.python).toBe(join(first.folder ?? "", "bin", "python"));
    expect(await find(archive)).toEqual(first);
    expect(await readFile(unpacked, "utf8")).toBe("x\n");
    await writeFile(join(folder, "made", "more"), "more than before ".repeat(1000));
    await pack();
    expect((await find(archive)).folder).not.toBe(first.folder);
    delete process.env.NOTES;
  });

  it.each([
    ["has no bin/python that can be started", undefined],
    ["has Python 3.8", "echo 3.8"],
    ["No module named 'numpy'", "echo \"ModuleNotFoundError: No module named 'numpy'\" >&2; exit 1"],
  ])("is refused when it %s", async (why, script) => {
    await mkdir(join(folder, "made"));
    if (script !== undefined) await program("python", script);
    await expect(find(join(folder, "made"))).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining(why) });
  });

  it("is refused when there is none, or no archive", async () => {
    await expect(find(join(folder, "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await writeFile(join(folder, "text.tar.gz"), "text");
    await expect(find(join(folder, "text.tar.gz"))).rejects.toThrow("cannot be unpacked");
  });
});
