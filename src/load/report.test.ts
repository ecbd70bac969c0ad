import { expect, it } from "vitest";
import { Recorder } from "./report.ts";

const over = { seconds: 2, arrivalSeconds: 1, cpuMs: 50 };

it("tells answers from refusals, and those in time from those that came too late", () => {
  const recorder = new Recorder({ deadlineMs: 50, lateBoundMs: 10 });
  for (let latency = 1; latency <= 100; latency++) recorder.ended(200, latency);
  for (const outcome of [429, 504, "connection closed"] as const) recorder.ended(outcome, 3);
  expect(recorder.report(over)).toEqual({
    requests: 103,
    seconds: 2,
    outcomes: { 200: 100, 429: 1, 504: 1, "connection closed": 1 },
    answers: 100,
    answersPerSecond: 50,
    latency: { p50: 50, p90: 90, p99: 99, p999: 100, max: 100 },
    refusalLatency: { p50: 3, p90: 3, p99: 3, p999: 3, max: 3 },
    goodput: { deadlineMs: 50, answers: 50, perSecond: 50 },
    generator: { cpuMsPerRequest: 50 / 103 },
  });
});

it("says that a run is void exactly when more than one request in a hundred went out late", () => {
  const late = (count: number): string | undefined => {
    const recorder = new Recorder({ lateBoundMs: 10 });
    for (let index = 0; index < 200; index++) recorder.sent(index < count ? 10.5 : 10);
    return recorder.report(over).generator.void;
  };
  expect(late(2)).toBeUndefined();
  expect(late(3)).toMatch(/more than 1 %.*10\.5 ms late/);
});

it("has no latencies of answers that there were none of", () => {
  const report = new Recorder({ lateBoundMs: 10 }).report(over);
  expect(report).toEqual({ requests: 0, seconds: 2, outcomes: {}, answers: 0, answersPerSecond: 0, generator: { cpuMsPerRequest: 0 } });
});
