import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { ModelFormat } from "../../core/formats.ts";
import { recordedScikitLearn } from "../recorded-version.ts";
import { artefactRequirements } from "./index.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

it.each<[string, ModelFormat, string | undefined]>([
  ["examples/skops/model/model.skops", "sklearn", "skops>=0.13"],
  ["examples/sklearn/model/model.joblib", "sklearn", undefined],
  ["examples/xgboost/model/model.ubj", "xgboost", "pandas"],
  ["examples/models/breast-cancer/model.json", "xgboost", undefined],
  ["examples/lightgbm/model/model.bst", "lightgbm", "pandas"],
  ["examples/models/diabetes/model.txt", "lightgbm", undefined],
  ["testdata/pmml/bayes.pmml", "pmml", "jpmml-evaluator"],
  ["testdata/pmml/boosting.pmml", "pmml", undefined],
])("finds in %s what it needs besides its format's packages", async (file, format, requirements) => {
  expect(await artefactRequirements(format, root + file)).toEqual(requirements === undefined ? {} : { requirements });
});

it("finds the scikit-learn that a skops file was made with", async () => {
  expect(await recordedScikitLearn(`${root}examples/skops/model/model.skops`)).toMatch(/^\d+\.\d+\.\d+$/);
});
