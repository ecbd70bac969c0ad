import { describe, expect, it } from "vitest";
import { exitReason, parseEnded } from "./exit-reason.ts";
import { parseRunning } from "./inspect-container.ts";
import { lowerThanPodmanAsks } from "./limits.ts";

const LIMIT = 64 * 2 ** 20;

describe("how a container ended", () => {
  it.each([
    ["exited|0|false|", "exited with code 0"],
    ["exited|3|false|<nil>", "exited with code 3"],
    ["exited|139|false|", "was ended by SIGSEGV (exit code 139)"],
    ["exited|143|false|", "was ended by SIGTERM (exit code 143)"],
    ["exited|137|true|", "was killed because it used more memory than its limit of 64 MiB (exit code 137)"],
    ["exited|137|false|", "was killed by SIGKILL (exit code 137): it most likely used more memory than its limit of 64 MiB"],
    ["created|127|false|no such | program", "could not start: no such | program"],
  ])("%s", (printed, expected) => {
    const state = parseEnded(`${printed}\n`);
    expect(state && exitReason(state, LIMIT)).toBe(expected);
  });

  it("is not known of what is no state, nor its memory limit when there is none", () => {
    expect(parseEnded("")).toBeUndefined();
    expect(exitReason({ status: "exited", exitCode: 137, outOfMemory: false, error: "" }, undefined)).toMatch(
      /the machine may have had no memory left/,
    );
  });
});

describe("a container that runs", () => {
  it("has its ports on this machine", () => {
    const ports = '{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"40001"}],"9000/tcp":null,"1/tcp":[]}';
    expect(parseRunning(`running|4711|SIGTERM|${ports}\n`)).toEqual({ pid: 4711, stopSignal: "SIGTERM", ports: new Map([[8080, 40001]]) });
    expect(parseRunning("running|4711|15|null\n")).toEqual({ pid: 4711, stopSignal: "15", ports: new Map() });
  });

  it.each(["created|0||{}", "exited|0|15|{}", ""])("is not %j", (printed) => {
    expect(parseRunning(printed)).toBeUndefined();
  });
});

describe("limits that are below what podman asks for", () => {
  const limits = [
    "Limit                     Soft Limit           Hard Limit           Units",
    "Max processes             1000                 96365                processes",
    "Max open files            1024                 20000                files",
  ].join("\n");

  it("are said where they cannot be raised", () => {
    expect(lowerThanPodmanAsks(limits, "CapEff:\t000001fffeffffff\n", "32768\n")).toEqual({ nofile: 20_000, nproc: 32_768 });
    expect(lowerThanPodmanAsks(limits, "CapEff:\t0\n", "4194304\n")).toEqual({ nofile: 20_000, nproc: 96_365 });
    expect(lowerThanPodmanAsks(limits, "CapEff:\t000001ffffffffff\n", "32768\n")).toEqual({});
    expect(lowerThanPodmanAsks(limits.replace("20000", "1048576").replace("96365", "unlimited"), "CapEff:\t0\n", "")).toEqual({});
    expect(lowerThanPodmanAsks("", "", "")).toEqual({});
  });
});
