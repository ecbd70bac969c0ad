import { expect, it } from "vitest";
import { Returns } from "./returns.ts";

const FIXED = 20;

/** So many answers of ten requests each, of which so many come back after a millisecond. */
function taught(returning: number, times = 10, fixedMs = FIXED): Returns {
  const returns = new Returns();
  for (let turn = 0; turn < times; turn++) {
    const at = turn * 100;
    returns.answered(10, fixedMs, at);
    for (let count = 0; count < returning; count++) returns.arrived(at + 1);
  }
  returns.answered(10, fixedMs, 10_000);
  return returns;
}

it("waits for those who came back each time, until they are there", () => {
  const returns = taught(10);
  expect(returns.waitUntil(10_000)).toBe(10_010);
  for (let count = 0; count < 8; count++) returns.arrived(10_001);
  expect(returns.waitUntil(10_001)).toBe(10_010);
  for (let count = 0; count < 2; count++) returns.arrived(10_001);
  expect(returns.waitUntil(10_001)).toBe(10_001);
});

it("waits no longer than a part of what a call costs anyway", () => {
  const returns = taught(10);
  expect(returns.waitUntil(10_010)).toBe(10_010);
  expect(taught(10, 10, 1).waitUntil(10_000)).toBe(10_000);
});

it("does not wait for requests that come at random, nor before it knows", () => {
  expect(taught(5).waitUntil(10_000)).toBe(10_000);
  expect(taught(10, 3).waitUntil(10_000)).toBe(10_000);
  expect(new Returns().waitUntil(0)).toBe(0);
});

it("stops waiting when they come back no more", () => {
  const returns = taught(10);
  for (let turn = 1; turn < 5; turn++) returns.answered(10, FIXED, 10_000 + turn * 100);
  expect(returns.waitUntil(10_400)).toBe(10_400);
});
