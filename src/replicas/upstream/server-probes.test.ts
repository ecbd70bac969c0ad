import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import type { Probe } from "../../core/container.ts";
import { ServerProbes } from "./server-probes.ts";

const probe = (given: Partial<Probe>): Probe => ({
  action: { kind: "tcp", port: 1 },
  initialDelayMs: 0,
  periodMs: 10_000,
  timeoutMs: 1_000,
  successThreshold: 1,
  failureThreshold: 2,
  ...given,
});

/** What each kind of probe comes to is what `outcomes` says at the time; "never" does not end. */
function probing(probes: { startup?: Probe; readiness?: Probe; liveness?: Probe }, outcomes: Record<string, string | undefined>) {
  const clock = new FakeClock();
  const made: string[] = [];
  const running = new ServerProbes({
    probes: { startup: probes.startup, readiness: probes.readiness, liveness: probes.liveness },
    clock,
    attempt: (one, signal) => {
      const kind = Object.entries(probes).find(([, each]) => each === one)?.[0] as string;
      made.push(`${kind} ${clock.now()}`);
      if (outcomes[kind] !== "never") return Promise.resolve(outcomes[kind]);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve("given up")));
    },
    onObserved: () => undefined,
  });
  return { clock, made, running };
}

describe("probes", () => {
  it("come one after the other: the start first, then the others with their delays from the beginning on", async () => {
    const outcomes: Record<string, string | undefined> = { startup: "refused" };
    const { clock, made, running } = probing(
      { startup: probe({ periodMs: 1_000 }), readiness: probe({}), liveness: probe({ initialDelayMs: 3_000 }) },
      outcomes,
    );
    await settle();
    await clock.advance(250);
    expect(made).toEqual(["startup 0", "startup 250"]);
    outcomes.startup = undefined;
    await clock.advance(250);
    expect(made.slice(2)).toEqual(["startup 500", "readiness 500"]);
    await clock.advance(2_500);
    expect(made.slice(4)).toEqual(["liveness 3000"]);
    await clock.advance(7_500);
    await clock.advance(2_500);
    expect(made.slice(5)).toEqual(["readiness 10500", "liveness 13000"]);
    expect(running.health).toMatchObject({ started: true, ready: true });
  });

  it("fail when they take too long", async () => {
    const { clock, running } = probing({ readiness: probe({}) }, { readiness: "never" });
    await settle();
    await clock.advance(1_000);
    expect(running.health.obstacle).toBe("a connection to port 1: no answer within 1 s");
  });

  it("end with the server's last chance, and when they are told to", async () => {
    const dying = probing({ liveness: probe({}) }, { liveness: "500" });
    await settle();
    await dying.clock.advance(10_000);
    expect(dying.running.health.dead).toContain("2 times in a row");
    await dying.clock.advance(10_000);
    expect(dying.made).toHaveLength(2);
    const stopped = probing({ liveness: probe({}) }, {});
    await settle();
    stopped.running.stop();
    await stopped.clock.advance(20_000);
    expect(stopped.made).toEqual(["liveness 0"]);
    expect(stopped.clock.timers).toBe(0);
  });
});
