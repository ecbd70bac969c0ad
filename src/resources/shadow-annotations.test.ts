import { expect, it } from "vitest";
import { shadowFindings, shadowOf } from "./shadow-annotations.ts";
import { isWatched, watchFindings } from "./watch-annotation.ts";

it("reads where copies of requests go", () => {
  expect(shadowOf({})).toBeUndefined();
  expect(shadowOf({ "nitrous/shadow": "service/next" })).toEqual({ to: { service: "next" }, percent: 100, tolerance: 1e-6 });
  const all = { "nitrous/shadow": "revision/iris-00002", "nitrous/shadow-percent": "2.5", "nitrous/shadow-tolerance": "1e-3" };
  expect(shadowOf(all)).toEqual({ to: { revision: "iris-00002" }, percent: 2.5, tolerance: 1e-3 });
  expect(shadowFindings(all, "iris")).toEqual([]);
});

it("refuses what it cannot mean", () => {
  const messages = (annotations: Record<string, string>) => shadowFindings(annotations, "iris").map(({ message }) => message);
  expect(messages({ "nitrous/shadow": "next" })).toEqual(['expected "service/NAME" or "revision/NAME", found "next"']);
  expect(messages({ "nitrous/shadow": "service/iris" })).toEqual([
    'expected another service, or a revision of this one, found "service/iris"',
  ]);
  expect(messages({ "nitrous/shadow": "service/a", "nitrous/shadow-percent": "0", "nitrous/shadow-tolerance": "-1" })).toHaveLength(2);
  expect(messages({ "nitrous/shadow-percent": "5" })).toEqual(["it says how nitrous/shadow works, and there is none"]);
});

it("reads whether files are watched", () => {
  expect([isWatched({}, true), isWatched({}, false), isWatched({ "nitrous/watch": "false" }, true)]).toEqual([true, false, false]);
  expect(watchFindings({ "nitrous/watch": "yes" })[0]?.message).toBe('expected "true" or "false", found "yes"');
});
