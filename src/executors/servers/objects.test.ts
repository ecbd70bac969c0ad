import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { container } from "../../../test/server-containers.ts";
import type { EnvironmentVariable } from "../../core/container.ts";
import { startWords } from "./environment.ts";
import { type ObjectDirectories, objectFiles, writeObjectFiles } from "./objects.ts";

let folder: string;
let objects: ObjectDirectories;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-objects-"));
  objects = { secrets: join(folder, "secrets"), configMaps: join(folder, "maps") };
  mkdirSync(join(folder, "secrets/default/database"), { recursive: true });
  writeFileSync(join(folder, "secrets/default/database/password"), "hunter2\n");
  writeFileSync(join(folder, "secrets/default/database/key.pem"), "-----BEGIN\nEND-----\n\n");
  writeFileSync(join(folder, "secrets/default/database/binary"), "a\0b");
  // As Kubernetes writes a mounted secret.
  symlinkSync("password", join(folder, "secrets/default/database/..data"));
  mkdirSync(join(folder, "maps/team/limits"), { recursive: true });
  writeFileSync(join(folder, "maps/team/limits/WORKERS"), "4");
  writeFileSync(join(folder, "maps/team/limits/not a name"), "4");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const database = { kind: "secret", namespace: "default", object: "database" } as const;
const limits = { kind: "configMap", namespace: "team", object: "limits" } as const;

describe("the environment of a program", () => {
  const of = (...environment: EnvironmentVariable[]) => startWords(container({ environment }), objects).environment;

  it("has values, keys without the line end of an editor, and whole objects", () => {
    expect(
      of(
        { name: "BATCH_SIZE", value: "8" },
        { name: "PASSWORD", from: { ...database, key: "password" }, optional: false },
        { name: "PEM", from: { ...database, key: "key.pem" }, optional: false },
        { prefix: "LIMIT_", allOf: limits, optional: false },
      ),
    ).toEqual({ BATCH_SIZE: "8", PASSWORD: "hunter2", PEM: "-----BEGIN\nEND-----\n", LIMIT_WORKERS: "4" });
  });

  it("has the last one of a name, and nothing for optional ones that are not there", () => {
    const missing = { name: "A", from: { ...database, key: "user" }, optional: true } as const;
    expect(of({ name: "A", value: "1" }, { name: "A", value: "2" }, missing)).toEqual({ A: "2" });
    expect(of({ prefix: "", allOf: { ...limits, object: "other" }, optional: true })).toEqual({});
  });

  it("puts secrets in the place of references that were left for them, and nothing else", () => {
    const words = startWords(
      container({
        command: ["server", "--password=$(PASSWORD)", "$(BATCH_SIZE)"],
        environment: [
          { name: "BATCH_SIZE", value: "8" },
          { name: "PASSWORD", from: { ...database, key: "password" }, optional: false },
          { name: "URL", value: "db://me:$(PASSWORD)@host" },
        ],
      }),
      objects,
    );
    expect(words.command).toEqual(["server", "--password=hunter2", "$(BATCH_SIZE)"]);
    expect(words.environment.URL).toBe("db://me:hunter2@host");
  });

  it.each<[string, EnvironmentVariable, RegExp]>([
    [
      "a key that is not there",
      { name: "A", from: { ...database, key: "user" }, optional: false },
      /secret default\/database has no key "user": there is no file .*user$/,
    ],
    [
      "an object that is not there",
      { prefix: "", allOf: { ...limits, object: "other" }, optional: false },
      /config map team\/other cannot be read: there is no folder/,
    ],
    ["a key that leads elsewhere", { name: "A", from: { ...database, key: "../../x" }, optional: true }, /"\.\.\/\.\.\/x" is no name/],
    ["an object that leads elsewhere", { prefix: "", allOf: { ...limits, object: ".." }, optional: true }, /"\.\." is no name/],
    [
      "a value that no variable can have",
      { name: "A", from: { ...database, key: "binary" }, optional: false },
      /A comes from a file with a zero byte/,
    ],
  ])("is an error without values for %s", (_, variable, message) => {
    expect(() => of(variable)).toThrow(message);
    expect(() => of(variable)).not.toThrow(/hunter2/);
  });

  it("says which setting is missing", () => {
    const none = { secrets: undefined, configMaps: undefined };
    const environment = [{ name: "A", from: { ...database, key: "password" }, optional: false }];
    expect(() => startWords(container({ environment }), none)).toThrow(
      /serve with --secrets-directory FOLDER, where FOLDER\/default\/database has/,
    );
  });
});

describe("the files of a mounted object", () => {
  it("are its keys", async () => {
    const files = objectFiles({ kind: "object", of: database, items: undefined, optional: false }, objects);
    expect(files.map(({ path }) => path)).toEqual(["binary", "key.pem", "password"]);
    const target = join(folder, "written");
    await writeObjectFiles(target, files);
    expect(await readFile(join(target, "binary"), "latin1")).toBe("a\0b");
    expect(statSync(target).mode & 0o777).toBe(0o700);
  });

  it("are the chosen keys under other paths, which stay below the mount", () => {
    const some = (items: Record<string, string>) => objectFiles({ kind: "object", of: database, items, optional: false }, objects);
    expect(some({ password: "db/password.txt" })).toEqual([{ path: "db/password.txt", content: Buffer.from("hunter2\n") }]);
    expect(() => some({ password: "../password" })).toThrow(/must stay below its mount/);
    expect(() => some({ user: "user" })).toThrow(/has no key "user"/);
  });
});
