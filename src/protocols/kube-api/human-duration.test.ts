import { expect, it } from "vitest";
import { humanDuration } from "./human-duration.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** From apimachinery's pkg/util/duration/duration_test.go. */
it.each([
  [-3 * second, "<invalid>"],
  [-second, "0s"],
  [0, "0s"],
  [119 * second, "119s"],
  [2 * minute, "2m"],
  [3 * minute + 5 * second, "3m5s"],
  [10 * minute - second, "9m59s"],
  [3 * hour - second, "179m"],
  [3 * hour, "3h"],
  [7 * hour + 59 * minute, "7h59m"],
  [8 * hour + minute, "8h"],
  [2 * day - second, "47h"],
  [2 * day, "2d"],
  [8 * day - second, "7d23h"],
  [8 * day + hour, "8d"],
  [2 * 365 * day - second, "729d"],
  [2 * 365 * day, "2y"],
  [8 * 365 * day - second, "7y364d"],
  [8 * 365 * day, "8y"],
])("%s ms are %s", (milliseconds, expected) => {
  expect(humanDuration(milliseconds)).toBe(expected);
});
