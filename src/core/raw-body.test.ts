import { expect, it } from "vitest";
import type { RawPayload } from "./inference.ts";
import { bodyNaming } from "./raw-body.ts";

const raw = (text: string, contentType: string, modelName?: { from: number; to: number }): RawPayload => ({
  kind: "raw",
  contentType,
  body: Buffer.from(text),
  call: { protocol: "openai", path: "/completions", stream: false, ...(modelName === undefined ? {} : { modelName }) },
});
const renamed = (payload: RawPayload, name: string): string => Buffer.concat(bodyNaming(payload, name)).toString();

it("writes the name that a server knows in the place of the model's own, between its quotes where they are", () => {
  const json = raw('{"model":"m","n":1}', "application/json; charset=utf-8", { from: 10, to: 11 });
  expect(renamed(json, "meta-llama/Llama")).toBe('{"model":"meta-llama/Llama","n":1}');
  expect(JSON.parse(renamed(json, 'a"b\\'))).toEqual({ model: 'a"b\\', n: 1 });
  expect(renamed(raw("m", "multipart/form-data; boundary=b", { from: 0, to: 1 }), 'a"b')).toBe('a"b');
});

it("leaves a body alone in which nothing differs, or which names no model", () => {
  const same = raw('{"model":"m"}', "application/json", { from: 10, to: 11 });
  expect(bodyNaming(same, "m")).toEqual([same.body]);
  const unnamed = raw("{}", "application/json");
  expect(bodyNaming(unnamed, "m")).toEqual([unnamed.body]);
});
