import { expect, it } from "vitest";
import { ServeError } from "./errors.ts";

it("has a message that every JSON parser reads: halves of surrogate pairs are replaced, whole ones are kept", () => {
  const { message } = new ServeError("INTERNAL", "ValueError: \ud800 and \udc00 in 😀\n");
  expect(message).toBe("ValueError: \ufffd and \ufffd in 😀\n");
});
