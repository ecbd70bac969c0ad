import { expect, it } from "vitest";
import { apiKeyOf, keyHeaders } from "./api-key.ts";

it("prefers the option to the variable", () => {
  expect(apiKeyOf(undefined, {})).toBeUndefined();
  expect(apiKeyOf(undefined, { NITROUS_API_KEY: "" })).toBeUndefined();
  expect(apiKeyOf(undefined, { NITROUS_API_KEY: "one\n" })).toBe("one");
  expect(apiKeyOf("two", { NITROUS_API_KEY: "one" })).toBe("two");
  expect(keyHeaders("two")).toEqual({ Authorization: "Bearer two" });
  expect(keyHeaders(undefined)).toEqual({});
});

it("refuses what no header can hold, without repeating it", () => {
  expect(() => apiKeyOf("a\r\nHost: evil", {})).toThrow(/^--api-key is not a key/);
  expect(() => apiKeyOf(undefined, { NITROUS_API_KEY: "käse" })).toThrow(/^NITROUS_API_KEY is not a key/);
});
