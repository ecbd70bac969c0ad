import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeyWish } from "../core/access.ts";
import { KeyFolder } from "./key-folder.ts";
import { digestOf } from "./token.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

let directory: string;
let path: string;
let folder: KeyFolder;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-keys-"));
  path = join(directory, "state", "keys");
  folder = new KeyFolder(path, () => NOW);
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("a folder of keys", () => {
  it("is empty when it is not there", async () => {
    expect(await folder.list()).toEqual([]);
  });

  it("holds what was made until it is revoked, by name", async () => {
    const { key, token } = await folder.create({ name: "web", scopes: ["read", "infer"], models: ["iris", "prod/*", "iris"], expires: 1 });
    await folder.create({ name: "boss", scopes: ["admin"] });
    expect(key).toEqual({
      name: "web",
      scopes: ["infer", "read"],
      models: ["default/iris", "prod/*"],
      created: "2026-01-01T00:00:00.000Z",
      expires: "2026-01-02T00:00:00.000Z",
    });
    expect(await folder.list()).toEqual([{ name: "boss", scopes: ["admin"], models: [], created: "2026-01-01T00:00:00.000Z" }, key]);
    expect((await folder.read()).keys[1]).toEqual({ ...key, digest: digestOf(token) });
    await folder.revoke("web");
    expect((await folder.list()).map(({ name }) => name)).toEqual(["boss"]);
    await expect(folder.revoke("web")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("keeps the rate of a key, and reads files without one and with none that can be read", async () => {
    expect((await folder.create({ name: "web", scopes: ["infer"], rate: "100/s" })).key.rate).toBe("100/s burst 100");
    await folder.create({ name: "old", scopes: ["infer"] });
    expect(JSON.parse(readFileSync(join(path, "old.json"), "utf8"))).not.toHaveProperty("rate");
    expect((await folder.list()).map(({ rate }) => rate)).toEqual([undefined, "100/s burst 100"]);
    writeFileSync(join(path, "web.json"), readFileSync(join(path, "web.json"), "utf8").replace("100/s burst 100", "fast"));
    expect((await folder.read()).damaged).toEqual([expect.stringContaining("expected requests per s, m or h")]);
  });

  it("has no key in it that could be used, is nobody else's, and has nothing left over", async () => {
    const { token } = await folder.create({ name: "web", scopes: ["infer"] });
    expect(token).toMatch(/^nitrous_[\w-]{43}$/);
    expect(readdirSync(path)).toEqual(["web.json"]);
    expect(readFileSync(join(path, "web.json"), "utf8")).not.toContain(token.slice(8, 20));
    expect(statSync(join(path, "web.json")).mode & 0o777).toBe(0o600);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it("makes one key of a name, also when several are asked for at once", async () => {
    const wishes = Array.from({ length: 8 }, () => folder.create({ name: "web", scopes: ["infer"] }));
    const outcomes = await Promise.allSettled(wishes);
    const made = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(made).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "ALREADY_EXISTS" } });
    expect((await folder.read()).keys[0]?.digest).toBe(digestOf(made[0]?.token ?? ""));
    expect(readdirSync(path)).toEqual(["web.json"]);
  });

  it("tells what is wrong with files that hold no key, and takes the others", async () => {
    mkdirSync(path, { recursive: true });
    await folder.create({ name: "web", scopes: ["infer"] });
    const whole = readFileSync(join(path, "web.json"), "utf8");
    writeFileSync(join(path, "torn.json"), whole.slice(0, 20));
    writeFileSync(join(path, "other.json"), whole);
    writeFileSync(join(path, "strong.json"), whole.replace('"web"', '"strong"').replace('"infer"', '"everything"'));
    writeFileSync(join(path, ".gone.partial"), "");
    const { keys, damaged } = await folder.read();
    expect(keys.map(({ name }) => name)).toEqual(["web"]);
    expect(damaged).toHaveLength(3);
    expect(damaged[0]).toMatch(/other\.json is not a key \(it is the key web\); revoke it or delete the file/);
    await folder.revoke("torn");
    expect((await folder.read()).damaged).toHaveLength(2);
  });

  const wish: KeyWish = { name: "web", scopes: ["infer"] };
  it.each<[Partial<KeyWish>, RegExp]>([
    [{ name: "../web" }, /is not a name of a key/],
    [{ name: "Web" }, /is not a name of a key/],
    [{ name: "" }, /is not a name of a key/],
    [{ scopes: [] }, /needs a scope: infer, read, admin/],
    [{ scopes: ["infer", "write"] }, /no scope 'write'/],
    [{ scopes: ["admin"], models: ["iris"] }, /cannot be limited to models/],
    [{ models: ["a/b/c"] }, /'a\/b\/c' names no models/],
    [{ models: ["*a"] }, /names no models/],
    [{ expires: 0 }, /more than 0/],
    [{ expires: Number.NaN }, /more than 0/],
  ])("refuses %o", async (wrong, message) => {
    await expect(folder.create({ ...wish, ...wrong })).rejects.toThrow(message);
    await expect(folder.create({ ...wish, ...wrong })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("refuses to revoke what is not a name", async () => {
    await expect(folder.revoke("../../state")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
