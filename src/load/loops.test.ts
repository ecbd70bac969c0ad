import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { closedLoop } from "./closed-loop.ts";
import type { Connection, Outcome } from "./connection.ts";
import { openLoop } from "./open-loop.ts";
import { type LoadReport, Recorder } from "./report.ts";

/** Connections of a server that answers when the test says so. */
class FakeServer {
  readonly asked: Array<{ readonly text: string; answer(outcome: Outcome): void }> = [];
  opened = 0;

  open = (): Connection => {
    this.opened++;
    let usable = true;
    let under: ((outcome: Outcome) => void) | undefined;
    const finish = (outcome: Outcome): void => {
      const tell = under;
      under = undefined;
      tell?.(outcome);
    };
    return {
      get usable() {
        return usable;
      },
      send: (request, done) => {
        under = done;
        this.asked.push({ text: Buffer.from(request).toString(), answer: finish });
      },
      close: (outcome) => {
        usable = false;
        finish(outcome);
      },
    };
  };

  answerAll(outcome: Outcome = 200): void {
    for (const { answer } of this.asked.splice(0)) answer(outcome);
  }
}

const requests = ["first", "second"].map((text) => Buffer.from(text));

function setUp() {
  const clock = new FakeClock();
  const server = new FakeServer();
  const recorder = new Recorder({ lateBoundMs: 10, deadlineMs: 100 });
  const report = (): LoadReport => recorder.report({ seconds: 1, arrivalSeconds: 1, cpuMs: 0 });
  return { clock, server, recorder, report, open: server.open, idle: [server.open()], requests };
}

const openOptions = { maxConnections: 8, drainMs: 1000 };

it("keeps one request under way on each connection of a closed loop, until the time is over", async () => {
  const { clock, server, report, ...options } = setUp();
  const loop = closedLoop({ clock, ...options, connections: 2, seconds: 1 });
  expect(server.asked.map(({ text }) => text)).toEqual(["first", "second"]);
  await clock.advance(400);
  server.answerAll();
  expect(server.asked).toHaveLength(2);
  await clock.advance(700);
  server.answerAll(429);
  await loop;
  expect(server.asked).toHaveLength(0);
  expect(report()).toMatchObject({
    requests: 4,
    answers: 2,
    outcomes: { 200: 2, 429: 2 },
    latency: { max: 400 },
    refusalLatency: { max: 700 },
  });
});

it("opens a connection again that ended without an answer, after a pause", async () => {
  const { clock, server, report, ...options } = setUp();
  const loop = closedLoop({ clock, ...options, connections: 1, seconds: 1 });
  server.answerAll("connection closed");
  expect(server.asked).toHaveLength(0);
  await clock.advance(500);
  expect(server.asked).toHaveLength(1);
  await clock.advance(600);
  server.answerAll();
  await loop;
  expect(report().outcomes).toEqual({ "connection closed": 1, 200: 1 });
});

it("sends the requests of an open loop in time, whether or not others have been answered", async () => {
  const { clock, server, report, ...options } = setUp();
  const loop = openLoop({ clock, ...options, ...openOptions, schedule: Float64Array.of(0, 100, 200) });
  expect(server.asked).toHaveLength(1);
  await clock.advance(100);
  expect(server.asked).toHaveLength(2);
  await clock.advance(100);
  expect(server.asked.map(({ text }) => text)).toEqual(["first", "second", "first"]);
  await clock.advance(300);
  server.answerAll();
  await loop;
  // One that is left would keep the process.
  expect(clock.timers).toBe(0);
  expect(server.opened).toBe(3);
  expect(report()).toMatchObject({ latency: { p50: 400, max: 500 }, goodput: { answers: 0 }, generator: { late: { max: 0 } } });
});

it("measures from the moment at which a request should have arrived, also when nothing could be sent then", async () => {
  const { clock, server, report, ...options } = setUp();
  const schedule = Float64Array.from({ length: 10 }, (_, index) => index * 100);
  const loop = openLoop({ clock, ...options, ...openOptions, maxConnections: 1, schedule });
  // The only connection is held for a second, in which nine others would have come.
  for (let step = 0; step < 10; step++) await clock.advance(100);
  for (let left = 10; left > 0; left--) server.asked.shift()?.answer(200);
  await loop;
  const { latency, generator } = report();
  expect(latency).toMatchObject({ p50: 500, max: 1000 });
  // What waited for a connection was late, and says that the figures are of the generator as much as of the server.
  expect(generator.late).toMatchObject({ max: 900 });
  expect(generator.void).toContain("more than 10 ms");
});

it("does not wait longer than it should for answers that do not come", async () => {
  const { clock, server, report, ...options } = setUp();
  const loop = openLoop({ clock, ...options, ...openOptions, maxConnections: 1, schedule: Float64Array.of(0, 0) });
  await clock.advance(1000);
  await loop;
  expect(server.asked).toHaveLength(1);
  expect(report()).toMatchObject({ requests: 2, answers: 0, outcomes: { "no answer": 2 } });
  expect(report().generator.void).toBeDefined();
});

it("hangs up on who is slow, and goes on with another connection", async () => {
  const { clock, server, report, ...options } = setUp();
  const hangUp = { withinMs: 100, random: () => 0.5 };
  const loop = openLoop({ clock, ...options, ...openOptions, hangUp, schedule: Float64Array.of(0, 10, 200) });
  server.asked.shift()?.answer(200);
  await clock.advance(10);
  await clock.advance(50);
  await clock.advance(140);
  server.answerAll();
  await loop;
  expect(report().outcomes).toEqual({ 200: 2, "hung up": 1 });
  expect(server.opened).toBe(2);
});
