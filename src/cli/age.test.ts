import { describe, expect, it } from "vitest";
import { ageOf, shortDuration } from "./age.ts";

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

describe("shortDuration", () => {
  it.each([
    [0, "0s"],
    [119 * seconds, "119s"],
    [2 * minutes, "2m"],
    [5 * minutes + 10 * seconds, "5m10s"],
    [12 * minutes, "12m"],
    [4 * hours + 5 * minutes, "4h5m"],
    [20 * hours, "20h"],
    [2 * days + 4 * hours, "2d4h"],
    [100 * days, "100d"],
    [800 * days, "2y70d"],
    [-5 * seconds, "0s"],
  ])("%d ms is %s", (time, text) => {
    expect(shortDuration(time)).toBe(text);
  });
});

describe("ageOf", () => {
  it("is empty where nothing was ever created", () => {
    const now = Date.parse("2026-01-01T00:00:10Z");
    expect(ageOf("2026-01-01T00:00:00Z", now)).toBe("10s");
    expect(ageOf("1970-01-01T00:00:00Z", now)).toBe("");
    expect(ageOf(undefined, now)).toBe("");
    expect(ageOf("yesterday", now)).toBe("");
  });
});
