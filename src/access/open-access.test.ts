import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Route } from "../core/http.ts";
import { KeyFolder, keyFolderOf } from "./key-folder.ts";
import { type AccessControl, type AccessOptions, openAccess } from "./open-access.ts";

let directory: string;
let change: () => void;
let narrowed: number;
let problems: string[];
/** Settles with the next thing that is told. */
let told: () => Promise<void>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-access-"));
  narrowed = 0;
  problems = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(options: Partial<AccessOptions> = {}): Promise<AccessControl> {
  let tell = (): void => undefined;
  told = () =>
    new Promise((resolve) => {
      tell = resolve;
    });
  return openAccess({
    stateDirectory: directory,
    bound: "127.0.0.1",
    insecure: false,
    allowed: [],
    hasService: () => false,
    onNarrowed() {
      narrowed++;
      tell();
    },
    onProblem(problem) {
      problems.push(problem);
      tell();
    },
    watch: (_paths, onChange) => {
      change = onChange;
      return () => undefined;
    },
    ...options,
  });
}

const route: Route = {
  method: "GET",
  path: "/",
  access: "read",
  handle: () => ({ status: 200, body: "" }),
  fail: () => ({ status: 500, body: "" }),
};
const ask = ({ guard }: AccessControl, token?: string): void =>
  void guard(route, { params: {}, headers: token === undefined ? {} : { "x-api-key": token } });
const beside = (): KeyFolder => new KeyFolder(keyFolderOf(directory));

describe("access", () => {
  it("is refused to a server that others can reach and that has no key", async () => {
    await expect(open({ bound: "0.0.0.0" })).rejects.toThrow(/nitrous keys create NAME .* or add --insecure/);
    await expect(open({ bound: "example.com" })).rejects.toThrow();
    const insecure = await open({ bound: "0.0.0.0", insecure: true });
    ask(insecure);
    await beside().create({ name: "web", scopes: ["read"] });
    expect((await open({ bound: "0.0.0.0" })).closed).toBe(true);
    expect((await open({ bound: "0.0.0.0", insecure: true })).closed).toBe(true);
  });

  it("follows keys that are made through it at once", async () => {
    const access = await open();
    ask(access);
    const { token } = await access.keys.create({ name: "web", scopes: ["read"] });
    expect(narrowed).toBe(1);
    expect(() => ask(access)).toThrow(/a key is needed, with the scope read/);
    ask(access, token);
    await access.keys.create({ name: "other", scopes: ["read"] });
    expect(narrowed).toBe(1);
    await access.keys.revoke("web");
    expect(narrowed).toBe(2);
    expect(() => ask(access, token)).toThrow(/unknown, revoked or expired/);
  });

  it("follows keys that are made beside it, and stays closed without any", async () => {
    const access = await open();
    const { token } = await beside().create({ name: "web", scopes: ["read"] });
    let next = told();
    change();
    await next;
    ask(access, token);
    await beside().revoke("web");
    next = told();
    change();
    await next;
    expect(() => ask(access, token)).toThrow();
    expect(access.closed).toBe(true);
    expect((await open()).closed).toBe(false);
  });

  it("is closed by a key that cannot be read, and says so once", async () => {
    await beside().create({ name: "web", scopes: ["read"] });
    writeFileSync(join(keyFolderOf(directory), "web.json"), "{");
    const access = await open();
    expect(problems).toEqual([expect.stringContaining("web.json is not a key")]);
    expect(() => ask(access)).toThrow();
    await access.keys.create({ name: "other", scopes: ["read"] });
    expect(problems).toHaveLength(1);
  });

  it("keeps the keys that it has when the folder cannot be read", async () => {
    const access = await open();
    const { token } = await access.keys.create({ name: "web", scopes: ["read"] });
    rmSync(keyFolderOf(directory), { recursive: true });
    writeFileSync(keyFolderOf(directory), "no folder");
    const next = told();
    change();
    await next;
    expect(problems).toEqual([expect.stringContaining("cannot be read")]);
    ask(access, token);
  });
});
