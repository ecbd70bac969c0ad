import { expect, it } from "vitest";
import { parseRateLimit } from "./rate-limit.ts";

it.each([
  ["100/s", 10, 100, "100/s burst 100"],
  ["100/s burst 200", 10, 200, "100/s burst 200"],
  ["30/m", 2000, 1, "30/m burst 1"],
  ["1/h", 3_600_000, 1, "1/h burst 1"],
  ["0.5/s", 2000, 1, "0.5/s burst 1"],
  [" 2.5/s ", 400, 3, "2.5/s burst 3"],
])("%s is a limit", (text, intervalMs, burst, whole) => {
  const limit = parseRateLimit(text);
  expect(limit).toEqual({ text: whole, intervalMs, burst });
  expect(parseRateLimit(whole)).toEqual(limit);
});

it.each([
  "",
  "100",
  "100/d",
  "0/s",
  "-1/s",
  "1e9/s",
  "/s",
  "100/s burst 0",
  "100/s burst",
  "100/s,200",
  "100 /s",
  "Infinity/s",
  "1/s\n2/s",
])("%j is none", (text) => expect(parseRateLimit(text)).toBeUndefined());
