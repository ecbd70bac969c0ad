import { beforeEach, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { FakeHostSocket } from "../../../test/fake-host-socket.ts";
import { FRAME_TYPES } from "../../frames/index.ts";
import { HostConnection } from "./connection.ts";
import { ReadinessCheck } from "./readiness-check.ts";

let clock: FakeClock;
let socket: FakeHostSocket;
let check: ReadinessCheck;

beforeEach(() => {
  clock = new FakeClock();
  socket = new FakeHostSocket();
  check = new ReadinessCheck(new HostConnection(socket, () => undefined), 7, clock);
});

const checks = (): unknown[] => socket.sent.filter(({ type }) => type === FRAME_TYPES.check).map(({ meta }) => meta);
const say = (json: unknown): Promise<void> => socket.say("result", socket.streamOf("check"), { json, computeMs: 0 });

it("has the model's own code say whether it is ready", async () => {
  for (const [said, heard] of [
    [true, undefined],
    [false, "its is_ready says no"],
    [1, "its is_ready says no"],
  ]) {
    const asked = check.ask();
    await say(said);
    expect(await asked).toBe(heard);
  }
  expect(checks()).toEqual([{ model: 7 }, { model: 7 }, { model: 7 }]);
  const asked = check.ask();
  await socket.say("error", socket.streamOf("check"), { code: "INTERNAL", message: "no database" });
  expect(await asked).toBe("its is_ready failed: no database");
  expect(clock.timers).toBe(0);
});

it("waits for 5 seconds, and asks again only when it has been answered", async () => {
  const first = check.ask();
  await clock.advance(4_000);
  const second = check.ask();
  await clock.advance(1_000);
  expect(await first).toBe("its is_ready has not answered in 5 s");
  expect(checks()).toHaveLength(1);
  await say(true);
  expect(await second).toBeUndefined();
  const third = check.ask();
  await settle();
  expect(checks()).toHaveLength(2);
  await say(false);
  expect(await third).toBe("its is_ready says no");
});

it("says that a host is gone", async () => {
  const asked = check.ask();
  await socket.die("was killed");
  expect(await asked).toContain("its is_ready failed: the model's host process ended");
});
