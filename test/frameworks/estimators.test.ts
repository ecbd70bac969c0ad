import { expect, it } from "vitest";
import { runPythonTests } from "../python-tests.ts";

it("loads every estimator of scikit-learn's list that has been fitted and pickled", { timeout: 5 * 60_000 }, async () => {
  expect(await runPythonTests("tests/estimators")).toMatch(/Ran [1-9]\d* tests/);
});
