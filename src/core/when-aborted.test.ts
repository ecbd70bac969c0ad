import { getEventListeners } from "node:events";
import { expect, it, vi } from "vitest";
import { whenAborted } from "./when-aborted.ts";

it("hears of one signal for many requests, without a warning and for as long as they take", async () => {
  const warned = vi.fn();
  process.on("warning", warned);
  const controller = new AbortController();
  const heard: number[] = [];
  const forget = Array.from({ length: 20 }, (_, index) => whenAborted(controller.signal, () => heard.push(index)));
  for (const each of forget.slice(2)) each();
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(2);
  controller.abort();
  expect(heard).toEqual([0, 1]);
  // Warnings come in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warned);
  expect(warned).not.toHaveBeenCalled();
});
