import { expect, it } from "vitest";
import { runPythonTests } from "../python-tests.ts";

it("passes its own tests", { timeout: 5 * 60_000 }, async () => {
  expect(await runPythonTests("tests")).toMatch(/Ran [1-9]\d* tests/);
});
