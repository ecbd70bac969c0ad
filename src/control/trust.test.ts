import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelSpec } from "../core/model.ts";
import { retryDelay } from "./back-off.ts";
import { readTrust, trustIn } from "./trust.ts";

const { signal } = new AbortController();
const HASH = createHash("sha256").update("a model").digest("hex");

let folder: string;
let spec: ModelSpec;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-trust-"));
  const file = join(folder, "model.pkl");
  await writeFile(file, "a model");
  spec = { namespace: "default", name: "iris", version: "1", format: "sklearn", file, directory: folder, bytes: 7 };
});
afterAll(() => rm(folder, { recursive: true }));

describe("the annotation nitrous/trust", () => {
  it("is a level, or the hash of one file", () => {
    expect(readTrust(undefined)).toBeUndefined();
    expect(readTrust("pickle")).toBe("pickle");
    expect(readTrust("code")).toBe("code");
    expect(readTrust(`sha256:${HASH.toUpperCase()}`)).toEqual({ sha256: HASH });
  });

  it.each(["", "all", "Pickle", "pickle,code", "true", "sha256:", `sha256:${HASH}0`, `sha256:${HASH}\n`, HASH])(
    "is refused with what is expected: %j",
    (value) => {
      expect(() => readTrust(value)).toThrow(
        `the annotation nitrous/trust is ${JSON.stringify(value)}; expected pickle, code, or sha256: and 64 hexadecimal digits`,
      );
    },
  );

  it("trusts exactly the file with the hash", async () => {
    expect(await trustIn(spec, readTrust(`sha256:${HASH}`), signal)).toBe("code");
    await expect(trustIn(spec, { sha256: "0".repeat(64) }, signal)).rejects.toThrow(
      `model.pkl is not the file that nitrous/trust trusts; if you trust the new file, write nitrous/trust: sha256:${HASH}`,
    );
    expect(await trustIn(spec, "pickle", signal)).toBe("pickle");
    expect(await trustIn(spec, undefined, signal)).toBeUndefined();
  });

  it("trusts a folder with the hash that the shell's tools give it", async () => {
    const directory = join(folder, "saved");
    await mkdir(join(directory, "variables"), { recursive: true });
    await writeFile(join(directory, "saved_model.pb"), "graph");
    await writeFile(join(directory, "variables/data"), "weights");
    await writeFile(join(directory, ".hidden"), "x");
    const command = "find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum";
    const hash = execFileSync("sh", ["-c", command], { cwd: directory, encoding: "utf8" }).slice(0, 64);
    const saved: ModelSpec = { ...spec, format: "tensorflow", file: directory, directory };
    expect(await trustIn(saved, { sha256: hash }, signal)).toBe("code");
    await writeFile(join(directory, "variables/data"), "others");
    await expect(trustIn(saved, { sha256: hash }, signal)).rejects.toThrow("saved is not the file that nitrous/trust trusts");
  });

  it("is not waited for: a refused file stays refused", () => {
    expect(retryDelay("PERMISSION_DENIED", 1)).toBeUndefined();
  });
});
