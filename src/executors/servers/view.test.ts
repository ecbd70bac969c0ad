import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePorts } from "./listening-ports.ts";
import { filesOfCommand, hiddenFolders, interpretersIn, withoutLinks } from "./view.ts";

let home: string;

beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "nitrous-view-")));
  for (const folder of ["llm/bin", "python/bin", ".ssh", "work"]) mkdirSync(join(home, folder), { recursive: true });
  writeFileSync(join(home, "python/bin/python3"), "");
  symlinkSync("../../python/bin/python3", join(home, "llm/bin/python"));
  writeFileSync(join(home, "llm/bin/serve"), `#!${home}/llm/bin/python\nimport llm\n`);
  chmodSync(join(home, "llm/bin/serve"), 0o755);
});

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("what a program sees of a home folder", () => {
  it("is what its words name", () => {
    const words = ["python3", `--config=${home}/work/config.json`, `${home}/gone/x`, `/bin:${home}/llm/bin`];
    expect(hiddenFolders({ hideable: [home], secret: [] }, words, undefined)).toEqual({
      hidden: [home],
      shown: [join(home, "llm"), join(home, "work")],
    });
  });

  it("is nothing when they name nothing, or only the folder itself", () => {
    expect(hiddenFolders({ hideable: [home], secret: [] }, ["python3", "-m", "server", home], undefined)).toEqual({
      hidden: [home],
      shown: [],
    });
  });

  it("is all of it when it works there", () => {
    expect(hiddenFolders({ hideable: [home], secret: [] }, [], home).hidden).toEqual([]);
    expect(hiddenFolders({ hideable: [home], secret: [] }, [], join(home, "work"))).toEqual({
      hidden: [home],
      shown: [join(home, "work")],
    });
  });

  it("is of folders within it what is named below those, and of secret ones nothing", () => {
    const [state, secret] = [join(home, "llm"), join(home, "work/secret")];
    const words = [join(state, "bin/serve"), state, join(home, "work/config.json"), join(secret, "default")];
    expect(hiddenFolders({ hideable: [home, state], secret: [secret] }, words, undefined)).toEqual({
      hidden: [home, state, secret],
      shown: [join(state, "bin"), join(home, "work")],
    });
  });

  it("has the interpreter of a script, and what it is a link to", () => {
    const files = filesOfCommand("serve", `/nowhere:${home}/llm/bin`);
    expect(files).toEqual([join(home, "llm/bin/serve"), join(home, "llm/bin/python"), join(home, "python/bin/python3")]);
    expect(hiddenFolders({ hideable: [home], secret: [] }, files, undefined).shown).toEqual([join(home, "llm"), join(home, "python")]);
    expect(filesOfCommand("nitrous-no-such-command", "/bin")).toEqual([]);
    expect(interpretersIn(`/nowhere:${home}/llm/bin`)).toEqual([join(home, "llm/bin/python"), join(home, "python/bin/python3")]);
  });
});

it("resolves links in paths that are not there yet", () => {
  symlinkSync(join(home, "work"), join(home, "link"));
  expect(withoutLinks(join(home, "link/a/b"))).toBe(join(home, "work/a/b"));
  expect(withoutLinks("/nitrous-nowhere/a")).toBe("/nitrous-nowhere/a");
});

it("reads which ports are listened on", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:270F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4
   4: 00000000000000000000000000000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 5
   5: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 6
`;
  expect(parsePorts(table)).toEqual([
    { address: "0.0.0.0", port: 8080 },
    { address: "127.0.0.1", port: 9999 },
    { address: "::1", port: 80 },
    { address: "::", port: 81 },
    { address: "127.0.0.1", port: 82 },
  ]);
});
