import { describe, expect, it } from "vitest";
import type { Probe } from "../../core/container.ts";
import { ServerHealth } from "./server-health.ts";

const probe = (given: Partial<Probe> = {}): Probe => ({
  action: { kind: "http", port: 8080, path: "/ready", secure: false, headers: [] },
  initialDelayMs: 0,
  periodMs: 10_000,
  timeoutMs: 1_000,
  successThreshold: 1,
  failureThreshold: 3,
  ...given,
});
const NONE = { startup: undefined, readiness: undefined, liveness: undefined };

describe("a server's health", () => {
  it("is good at once where nothing is probed", () => expect(new ServerHealth(NONE, 0)).toMatchObject({ started: true, ready: true }));

  it("begins with the start-up probe, in whose time it must succeed", () => {
    const health = new ServerHealth({ ...NONE, startup: probe({ initialDelayMs: 5_000 }) }, 0);
    expect(health.firstAt("startup")).toBe(5_000);
    health.observe("startup", "503", 20_000);
    health.observe("startup", "503", 30_000);
    health.observe("startup", "503", 34_999);
    expect(health).toMatchObject({ started: false, ready: false, dead: undefined, obstacle: "GET /ready on port 8080: 503" });
    health.observe("startup", "503", 35_000);
    expect(health.dead).toBe("was ended because it had not started within 35 s: GET /ready on port 8080: 503");
  });

  it("is ready after the start where there is no readiness probe", () => {
    const health = new ServerHealth({ ...NONE, startup: probe({ successThreshold: 2 }) }, 0);
    health.observe("startup", undefined, 1);
    expect(health.started).toBe(false);
    health.observe("startup", undefined, 2);
    expect(health).toMatchObject({ started: true, ready: true, obstacle: "" });
  });

  it("is not ready any more after so many failures in a row, and again after so many successes", () => {
    const health = new ServerHealth({ ...NONE, readiness: probe({ successThreshold: 2 }) }, 0);
    const seen = ["refused", undefined, undefined, "500", "500", undefined, "500", "500", "500", undefined, undefined].map((failure) => {
      health.observe("readiness", failure, 0);
      return health.ready;
    });
    expect(seen).toEqual([false, false, true, true, true, true, true, true, false, false, true]);
  });

  it("looks at it more often until it has been ready, except with commands", () => {
    const health = new ServerHealth({ ...NONE, readiness: probe(), liveness: probe() }, 0);
    expect(health.intervalOf("readiness")).toBe(250);
    expect(health.intervalOf("liveness")).toBe(10_000);
    health.observe("readiness", undefined, 0);
    expect(health.intervalOf("readiness")).toBe(10_000);
    const slow = new ServerHealth({ ...NONE, readiness: probe({ action: { kind: "exec", command: ["true"] } }) }, 0);
    expect(slow.intervalOf("readiness")).toBe(10_000);
  });

  it("ends with the liveness probe's last failure in a row", () => {
    const health = new ServerHealth({ ...NONE, liveness: probe({ action: { kind: "tcp", port: 9 } }) }, 0);
    for (const failure of ["a", "b", undefined, "c", "d"]) health.observe("liveness", failure, 0);
    expect(health).toMatchObject({ dead: undefined, ready: true });
    health.observe("liveness", "connect ECONNREFUSED", 0);
    expect(health.dead).toBe("was ended because its liveness probe failed 3 times in a row: a connection to port 9: connect ECONNREFUSED");
    expect(health.ready).toBe(false);
  });
});
