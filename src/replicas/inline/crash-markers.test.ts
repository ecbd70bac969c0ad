import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CrashMarkers } from "./crash-markers.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

describe("CrashMarkers", () => {
  let directory: string;
  const running = new Set<number>();
  const start = (pid: number, boot = "boot"): CrashMarkers => {
    running.add(pid);
    return new CrashMarkers({ directory, server: { pid, start: "7" }, boot, isRunning: (server) => running.has(server.pid) });
  };

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "nitrous-markers-")), "inline");
    running.clear();
  });

  // Markers are taken away while this looks for them.
  afterEach(() => rmSync(join(directory, ".."), { recursive: true, maxRetries: 5 }));

  it("are on disk while they are held, and leave nothing behind", async () => {
    const markers = start(1);
    const release = await markers.hold(A, "iris");
    expect(readdirSync(directory)).toEqual([`${A}-1-7.active`]);
    release();
    release();
    expect(readdirSync(directory)).toEqual([]);
    running.clear();
    expect(start(2).accused).toEqual([]);
  });

  it("accuse every model that a server had in its process when it died, for good", async () => {
    const markers = start(1);
    await markers.hold(A, "iris");
    await markers.hold(B, "wine");
    running.clear();
    const next = start(2);
    expect([...next.accused].sort()).toEqual(["iris", "wine"]);
    expect(next.isSuspect(A)).toBe(true);
    expect(next.isSuspect(B)).toBe(true);
    await expect.poll(() => readdirSync(directory).sort()).toEqual([`${A}.suspect`, `${B}.suspect`]);
    next.releaseAll();
    const third = start(3);
    expect(third.accused).toEqual([]);
    expect(third.isSuspect(A)).toBe(true);
  });

  it("of a server that runs accuse nobody", async () => {
    await start(1).hold(A, "iris");
    const other = start(2);
    expect(other.accused).toEqual([]);
    expect(other.isSuspect(A)).toBe(false);
    expect(existsSync(join(directory, `${A}-1-7.active`))).toBe(true);
  });

  it("accuse nobody when the whole machine went down", async () => {
    await start(1).hold(A, "iris");
    running.clear();
    expect(start(2, "another boot").isSuspect(A)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("accuse although they were cut off, and take no other file for a marker", async () => {
    const release = await start(1).hold(A, "iris");
    release();
    running.clear();
    writeFileSync(join(directory, `${A}-1-7.active`), "");
    writeFileSync(join(directory, "notes.txt"), "");
    const next = start(2);
    expect(next.accused).toEqual([A]);
    expect(existsSync(join(directory, "notes.txt"))).toBe(true);
  });

  it("stay for an artefact that two models have until both have gone", async () => {
    const markers = start(1);
    const [first, second] = [await markers.hold(A, "iris"), await markers.hold(A, "iris-again")];
    first();
    expect(readdirSync(directory)).toEqual([`${A}-1-7.active`]);
    second();
    expect(readdirSync(directory)).toEqual([]);
  });
});
