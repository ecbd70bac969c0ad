import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readModels } from "./model-folder.ts";
import { readServiceModel } from "./service-model.ts";

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "nitrous-")), "folder");
});
afterEach(() => rmSync(dirname(folder), { recursive: true }));

function write(name: string, contents: unknown): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof contents === "string" ? contents : JSON.stringify(contents));
  return path;
}

describe("a folder with model-settings.json", () => {
  it("is a model of a class of the user's own", async () => {
    const settings = write("model-settings.json", {
      name: "sum",
      implementation: "models.SumModel",
      max_batch_size: 8,
      max_batch_time: 0.5,
    });
    write("models.py", "");
    const requirements = write("requirements.txt", "");
    const { models, rejections } = await readModels([folder]);
    expect(rejections).toEqual([]);
    expect(models).toMatchObject([
      {
        name: "sum",
        format: "python",
        file: settings,
        directory: folder,
        requirements,
        scheduling: { maxBatchRows: 8, maxBatchLatencyMs: 500 },
      },
    ]);
    expect((await readModels([settings])).models).toEqual(models);
    expect(await readServiceModel("other", folder, ["python"])).toMatchObject([{ name: "other", format: "python", file: settings }]);
  });

  it("is a model of our own hosts when MLServer's own runtime would serve it", async () => {
    const file = write("artefacts/model.joblib", "");
    for (const uri of ["./artefacts/model.joblib", "./artefacts"]) {
      write("model-settings.json", { implementation: "mlserver_sklearn.SKLearnModel", parameters: { uri, version: "v0.1.0" } });
      expect((await readModels([folder])).models).toMatchObject([{ name: "folder", format: "sklearn", file }]);
    }
    write("hf/config.json", { model_type: "bert" });
    write("model-settings.json", {
      implementation: "mlserver_huggingface.HuggingFaceRuntime",
      parameters: { uri: "hf", extra: { task: "fill-mask" }, environment_tarball: "e.tgz" },
    });
    const [model] = (await readModels([folder])).models;
    expect(model).toMatchObject({
      format: "huggingface",
      file: join(folder, "hf"),
      directory: join(folder, "hf"),
      settings: { task: "fill-mask" },
    });
    expect(model?.notes).toEqual([
      "parameters environment_tarball of model-settings.json have no effect: packages come from requirements.txt",
    ]);
  });

  it.each([
    ["{", "is no JSON"],
    ["[]", "needs an object"],
    [{ name: "x" }, 'needs an "implementation"'],
    [
      { implementation: "mlserver_sklearn.SKLearnModel", parameters: { uri: "./no.joblib" } },
      "names no.joblib, expected a file, or a folder with",
    ],
    [{ implementation: "mlserver_sklearn.SKLearnModel", parameters: { uri: "../x.joblib" } }, "expected a path in its own folder"],
    [{ implementation: "mlserver_sklearn.SKLearnModel", parameters: { uri: "s3://x/y" } }, "expected a path in its own folder"],
    [{ implementation: "mlserver_mlflow.MLflowRuntime" }, "names its own folder, expected a folder of format mlflow"],
  ])("says what is wrong with %j", async (contents, message) => {
    write("model-settings.json", contents);
    const { models, rejections } = await readModels([folder]);
    expect(models).toEqual([]);
    expect(rejections[0]?.reason).toContain(message);
  });
});
