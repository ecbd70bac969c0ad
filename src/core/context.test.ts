import { expect, it } from "vitest";
import { createRecord, RequestContext } from "./context.ts";

it("tells all that listen when a request is given up, and each once", () => {
  const context = new RequestContext({ deadline: 1000, record: createRecord("test", "m", 0) });
  const told: string[] = [];
  context.onAbort(({ message }) => told.push(`holder: ${message}`));
  for (const name of ["first", "second"]) context.onEnd(() => told.push(name));
  context.abort(new Error("gone"));
  context.abort(new Error("again"));
  expect(told).toEqual(["holder: gone", "first", "second"]);
});
