import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { type FakeTerminal, fakeTerminal } from "../../test/fake-terminal.ts";
import { startKubeApi } from "../../test/kube-api-server.ts";
import { KeyFolder, keyFolderOf } from "../access/index.ts";
import { createKeyCommand, type KeysPlace, listKeysCommand, revokeKeyCommand } from "./keys.ts";
import { keysPlaceOf } from "./keys-place.ts";

let directory: string;
let place: KeysPlace;
let terminal: FakeTerminal;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-cli-keys-"));
  terminal = fakeTerminal();
  place = { keys: new KeyFolder(join(directory, "keys"), terminal.now), place: "here" };
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("nitrous keys create", () => {
  it("prints the key alone, and what it changes", async () => {
    await createKeyCommand("web", { scope: ["infer, read"], model: ["iris", "prod/*"], expires: "30" }, place, terminal);
    expect(terminal.out()).toMatch(/^nitrous_[\w-]{43}\n$/);
    expect(terminal.err()).toMatch(/^key web created in here; it is shown this once\n.*first one.*\n.*scope admin/);
    const second = fakeTerminal();
    await createKeyCommand("boss", { scope: ["admin"] }, place, second);
    expect(second.err()).toBe("key boss created in here; it is shown this once\n");
  });

  it.each([
    [{ scope: ["write"] }, "there is no scope 'write'; there are infer, read, admin"],
    [{ scope: ["infer"], expires: "soon" }, "--expires soon: expected a number of days"],
    [{ scope: ["infer"], model: ["a b"] }, "'a b' names no models"],
    [{ scope: ["infer"], rate: "fast" }, "'fast' is not the rate of a key: expected requests per s, m or h such as 100/s"],
    [{ scope: ["infer"], rate: "9/s", burst: "0" }, "'9/s burst 0' is not the rate of a key"],
    [{ scope: ["infer"], burst: "9" }, "--burst needs --rate"],
  ])("refuses %j", async (options, message) => {
    await expect(createKeyCommand("web", options, place, terminal)).rejects.toThrow(message);
    expect(terminal.out()).toBe("");
  });
});

describe("nitrous keys list", () => {
  it("shows everything but the keys", async () => {
    await listKeysCommand({}, place, terminal);
    expect(terminal.err()).toBe("there are no keys in here\n");
    const limited = { scope: ["read", "infer"], model: ["iris", "prod/*"], expires: "30", rate: "100/s", burst: "200" };
    await createKeyCommand("web", limited, place, fakeTerminal());
    await createKeyCommand("boss", { scope: ["admin"] }, place, fakeTerminal());
    await createKeyCommand("old", { scope: ["admin"], expires: "0.001" }, place, fakeTerminal());
    const later = fakeTerminal({ now: "2026-01-02T00:00:00Z" });
    await listKeysCommand({}, place, later);
    expect(later.out()).toBe(
      [
        "NAME   SCOPES       MODELS                RATE              CREATED      EXPIRES",
        "boss   admin        all                   -                 2026-01-01   never",
        "old    admin        all                   -                 2026-01-01   expired",
        "web    infer,read   default/iris,prod/*   100/s burst 200   2026-01-01   2026-01-31",
        "",
      ].join("\n"),
    );
    await listKeysCommand({ output: "json" }, place, terminal);
    expect(JSON.parse(terminal.out())).toHaveLength(3);
    expect(terminal.out()).not.toContain("digest");
  });
});

describe("nitrous keys revoke", () => {
  it("says when it was the last one, and what is not there", async () => {
    await createKeyCommand("web", { scope: ["read"] }, place, fakeTerminal());
    await createKeyCommand("two", { scope: ["read"] }, place, fakeTerminal());
    await revokeKeyCommand("web", place, terminal);
    expect(terminal.err()).toBe("key web revoked in here\n");
    await revokeKeyCommand("two", place, terminal);
    expect(terminal.err()).toContain("It was the last one");
    await expect(revokeKeyCommand("web", place, terminal)).rejects.toThrow("there is no key web");
  });
});

describe("where keys are", () => {
  it("is the state directory, of the option or of the settings", async () => {
    const none = { server: undefined, apiKey: undefined };
    expect((await keysPlaceOf({ ...none, stateDirectory: directory }, {})).place).toBe(keyFolderOf(directory));
    const { place: other, keys } = await keysPlaceOf({ ...none, stateDirectory: undefined }, { NITROUS_STATE_DIR: directory });
    expect(other).toBe(keyFolderOf(directory));
    expect(await keys.list()).toEqual([]);
  });

  it("is a server, when one is named", async () => {
    const api = await startKubeApi(new FakeClock());
    const remote = await keysPlaceOf({ server: api.url, apiKey: undefined, stateDirectory: undefined }, {});
    await createKeyCommand("web", { scope: ["read"] }, remote, terminal);
    expect(terminal.out()).toBe("token of web\n");
    expect(terminal.err()).toContain(`key web created in ${api.url}`);
    expect(await remote.keys.list()).toMatchObject([{ name: "web" }]);
    await revokeKeyCommand("web", remote, terminal);
    await expect(revokeKeyCommand("web", remote, terminal)).rejects.toThrow('keys "web" not found');
    await api.server.close();
  });
});
