import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { HostSpec } from "../core/executor.ts";
import { findLauncherPython, launched } from "./launcher.ts";
import { createLocalExecutor } from "./local.ts";
import type { ProcessRecord } from "./process-record.ts";
import { identityOf } from "./processes.ts";

const python = await findLauncherPython(undefined);

/** Leaves a process behind that has its group, or with `leaving` a session of its own; says its pid. */
const script = (leaving = ""): string => `${leaving} sleep 600 >/dev/null 2>&1 & echo $!; read line <&3`;

function shell(text: string): HostSpec {
  return { name: "shell", command: "sh", arguments: ["-c", text], environment: { PATH: process.env.PATH ?? "" } };
}

describe.skipIf(process.platform !== "linux")("a host process", () => {
  let directory: string;
  let lines: string[];
  let recorded: Set<number>;
  let record: ProcessRecord;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "nitrous-local-"));
    lines = [];
    recorded = new Set();
    record = {
      add: (pid) => recorded.add(pid),
      forget: (pid) => recorded.delete(pid),
      written: async () => undefined,
      close: async () => undefined,
    };
  });

  afterEach(() => {
    for (const line of lines) if (identityOf(Number(line)) !== undefined) process.kill(Number(line), "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(spec: HostSpec) {
    let onLine = (): void => undefined;
    const said = new Promise<void>((resolve) => {
      onLine = resolve;
    });
    const onLog = (_name: string, line: string): void => {
      lines.push(line);
      onLine();
    };
    const executor = createLocalExecutor({ record, onLog, loadsBehind: false });
    const endpoint = executor.start(spec);
    await said;
    return endpoint;
  }

  it("ends with its connection, and takes its process group along when it has no launcher", async () => {
    const endpoint = await start(shell(script()));
    expect(recorded).toEqual(new Set([endpoint.pid]));
    await endpoint.stop(5_000);
    expect(await endpoint.exited).toBe("exited with code 1");
    expect(recorded).toEqual(new Set());
    await untilGone(Number(lines[0]));
  });

  it.skipIf(python === undefined)("takes everything along when it has one, and has the host's pid", async () => {
    const endpoint = await start(launched(shell(`echo $$; ${script("setsid")}`), python as string, directory));
    while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    while (recorded.size < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(endpoint.pid).toBe(Number(lines[0]));
    await endpoint.stop(5_000);
    expect(await endpoint.exited).toBe("exited with code 1");
    expect(lines.slice(0, 2).map((pid) => identityOf(Number(pid)))).toEqual([undefined, undefined]);
    expect(recorded).toEqual(new Set());
  });

  it.skipIf(python === undefined)("is killed with everything when it does not end by itself", async () => {
    const endpoint = await start(launched(shell("trap '' TERM; echo 0; sleep 600"), python as string, directory));
    await endpoint.stop(0);
    expect(await endpoint.exited).toBe("was killed by SIGKILL");
  });

  it.skipIf(python === undefined)("says what is wrong with a command that is not there", async () => {
    const missing = { ...shell(""), command: "nitrous-no-such-command" };
    const endpoint = await start(launched(missing, python as string, directory));
    expect(await endpoint.exited).toBe("exited with code 127");
    expect(endpoint.logTail()[0]).toMatch(/^could not start nitrous-no-such-command: .*No such file/);
  });
});

/** Killed processes without a parent are buried by the system, in its own time. */
async function untilGone(pid: number): Promise<void> {
  while (identityOf(pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
}
