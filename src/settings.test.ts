import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSettings, SettingsError } from "./settings.ts";

const limits = async (value: unknown) =>
  (await readSettings({ flags: { "execution-limits": value }, environment: {} }))["execution-limits"];

describe("execution-limits", () => {
  it("is nothing by default", async () => {
    expect((await readSettings({ flags: {}, environment: {} }))["execution-limits"]).toEqual({});
  });

  it("is read from text, and from a map as in nitrous.yaml", async () => {
    expect(await limits("gpu=2, licence = 1,")).toEqual({ gpu: 2, licence: 1 });
    expect(await limits({ gpu: 2 })).toEqual({ gpu: 2 });
  });

  it.each([
    ["gpu", '--execution-limits: expected NAME=COUNT such as gpu=2, found "gpu"'],
    ["gpu=2,=1", '--execution-limits: expected NAME=COUNT such as gpu=2, found "=1"'],
    ["gpu=2,gpu=3", '--execution-limits: "gpu" is there twice'],
    ["gpu=0", '--execution-limits: the count of "gpu" must be a whole number from 1'],
    ["gpu=2.5", '--execution-limits: the count of "gpu" must be a whole number from 1'],
    ["gpu=two", '--execution-limits: the count of "gpu" must be a whole number from 1'],
    [{ gpu: -1 }, '--execution-limits: the count of "gpu" must be a whole number from 1'],
  ])("says what is wrong with %j", async (value, message) => {
    await expect(limits(value)).rejects.toThrow(new SettingsError(message));
  });

  it("shows a text that is no number", async () => {
    const flags = { "idle-timeout": "2s" };
    await expect(readSettings({ flags, environment: {} })).rejects.toThrow('--idle-timeout: Invalid input: expected number, found "2s"');
  });

  it("is what was written", async () => {
    const names = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,9}$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.integer({ min: 1 }), { noNullPrototype: true }), async (counts) => {
        const text = Object.entries(counts).map(([name, count]) => `${name}=${count}`);
        expect(await limits(text.join(","))).toEqual(counts);
      }),
    );
  });
});
