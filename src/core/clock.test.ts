import { expect, it, vi } from "vitest";
import { systemClock } from "./clock.ts";

it("takes very long delays for what they are", () => {
  vi.useFakeTimers();
  const callback = vi.fn();
  const cancel = systemClock.after(Number.POSITIVE_INFINITY, callback);
  vi.advanceTimersByTime(60_000);
  expect(callback).not.toHaveBeenCalled();
  cancel();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
