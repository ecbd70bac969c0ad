import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessRecord, endLeftovers } from "./process-record.ts";
import { bootId, descendantsOf, identityOf, isRunning } from "./processes.ts";

/** Linux gives no such pid. */
const NOBODY = 2 ** 22 + 1;

describe.skipIf(process.platform !== "linux")("the record of processes", () => {
  let directory: string;
  let child: ChildProcess;
  let pid: number;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "nitrous-record-"));
    child = spawn("sleep", ["600"], { stdio: "ignore" });
    pid = child.pid as number;
  });

  afterEach(() => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  /** What a server that is gone would have left. */
  function leave(processes: readonly object[], { boot = bootId(), server = { pid: NOBODY, start: "1" } } = {}): void {
    mkdirSync(join(directory, "processes"), { recursive: true });
    writeFileSync(join(directory, "processes/old.json"), JSON.stringify({ boot, server, processes }));
  }

  it("ends a process whose server is gone, and what descends from it", async () => {
    const shell = spawn("sh", ["-c", "sleep 600 & echo; wait"], { stdio: ["ignore", "pipe", "ignore"] });
    await once(shell.stdout as NodeJS.EventEmitter, "data");
    const [sleep] = descendantsOf(shell.pid as number);
    leave([identityOf(shell.pid as number) as object]);
    const exited = once(shell, "exit");
    expect(endLeftovers(directory)).toEqual([shell.pid, sleep?.pid]);
    expect((await exited)[1]).toBe("SIGKILL");
    expect(readdirSync(join(directory, "processes"))).toEqual([]);
  });

  it("leaves a process alone that has got the pid of an earlier one", () => {
    leave([{ pid, start: String(Number(identityOf(pid)?.start) - 1) }]);
    expect(endLeftovers(directory)).toEqual([]);
    expect(identityOf(pid)).toBeDefined();
    expect(readdirSync(join(directory, "processes"))).toEqual([]);
  });

  it("leaves everything alone that was recorded before the machine started again", () => {
    leave([identityOf(pid) as object], { boot: "another" });
    expect(endLeftovers(directory)).toEqual([]);
    expect(isRunning(identityOf(pid) as { pid: number; start: string })).toBe(true);
  });

  it("leaves alone what a server has that runs", () => {
    leave([identityOf(pid) as object], { server: identityOf(process.pid) as { pid: number; start: string } });
    expect(endLeftovers(directory)).toEqual([]);
    expect(readdirSync(join(directory, "processes"))).toEqual(["old.json"]);
  });

  it.each([
    ["no JSON", "{"],
    ["no record", "{}"],
    [
      "a pid that means a group",
      JSON.stringify({ boot: bootId(), server: { pid: NOBODY, start: "1" }, processes: [{ pid: -1, start: "1" }] }),
    ],
    ["the first process", JSON.stringify({ boot: bootId(), server: { pid: NOBODY, start: "1" }, processes: [identityOf(1)] })],
  ])("throws a file away that is damaged: %s", (_, text) => {
    leave([]);
    writeFileSync(join(directory, "processes/old.json"), text);
    expect(endLeftovers(directory)).toEqual([]);
    expect(readdirSync(join(directory, "processes"))).toEqual([]);
  });

  it("removes temporary folders of hosts that are gone, and no other folders", () => {
    const own = join(directory, "nitrous-host-1");
    const other = join(directory, "precious");
    for (const folder of [own, other]) mkdirSync(join(folder, "inside"), { recursive: true });
    leave([
      { pid: NOBODY, start: "1", folder: own },
      { pid: NOBODY, start: "2", folder: other },
    ]);
    expect(endLeftovers(directory)).toEqual([]);
    expect(readdirSync(directory)).toEqual(["precious", "processes"]);
  });

  it("holds what runs and nothing else", async () => {
    const record = createProcessRecord(directory);
    record.add(pid);
    record.add(NOBODY);
    await record.written();
    const [name = ""] = readdirSync(join(directory, "processes"));
    const processes = (): unknown => JSON.parse(readFileSync(join(directory, "processes", name), "utf8")).processes;
    expect(processes()).toEqual([identityOf(pid)]);
    record.forget(pid);
    await record.written();
    expect(processes()).toEqual([]);
    record.add(pid);
    await record.close();
    expect(readdirSync(join(directory, "processes"))).toEqual([]);
  });
});
