import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readModels } from "./model-folder.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "nitrous-models-"));
});

afterEach(() => rm(root, { recursive: true }));

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

async function read(...paths: string[]): Promise<{ models: string[]; rejections: Record<string, string> }> {
  const { models, rejections } = await readModels(paths.length > 0 ? paths.map((path) => join(root, path)) : [root]);
  return {
    models: models.map(({ name, version, format }) => `${name}/${version} ${format}`),
    rejections: Object.fromEntries(rejections.map(({ path, reason }) => [path.slice(root.length + 1), reason])),
  };
}

const XGBOOST = '{"learner":{"attributes":{}},"version":[3,2,0]}';

it("finds each format in a folder of models, and says why the rest is not served", async () => {
  await put({
    "a/model.joblib": "x",
    "b.onnx": "x",
    "c/model.json": XGBOOST,
    "d/booster.txt": "tree\nversion=v4",
    "e/model.py": "class Model: pass",
    "e/weights.pkl": "helper",
    "f/model.ts": "export class Model {}",
    "g/1/model.bst": XGBOOST,
    "g/10/model.bst": "tree\nversion=v4",
    "README.md": "ignored",
    "notes.csv": "1,2",
    "h/model.gguf": "x",
    "j/saved_model.pb": "x",
    "k/MLmodel": "flavors: {}",
    "l/config.json": '{"model_type":"bert"}',
    "m/config.json": '{"model_type":"bert"}',
    "m/onnx/model.onnx": "x",
    "n/1/model.savedmodel/saved_model.pb": "x",
    "i/config.json": '{"a":1}',
  });
  await mkdir(join(root, "empty"));
  const { models, rejections } = await read();
  expect(models).toEqual([
    "a/1 sklearn",
    "b/1 onnx",
    "c/1 xgboost",
    "d/1 lightgbm",
    "e/1 python",
    "f/1 typescript",
    "g/1 xgboost",
    "g/10 lightgbm",
    "j/1 tensorflow",
    "k/1 mlflow",
    "l/1 huggingface",
    "m/1 huggingface-onnx",
    "n/1 tensorflow",
  ]);
  expect(Object.keys(rejections).sort()).toEqual(["empty", "h", "i", "notes.csv"]);
  expect(rejections.h).toContain("GGUF models are not served by this version");
  expect(rejections.empty).toBe("the folder is empty");
});

it("takes a folder with a model in it as one model", async () => {
  await put({
    "iris/model.pkl": "x",
    "iris/requirements.txt": "six",
    "iris/example.json": "{}",
    "many/1/model.onnx": "x",
    "many/2/model.onnx": "x",
  });
  expect((await read("iris", "many")).models).toEqual(["iris/1 sklearn", "many/1 onnx", "many/2 onnx"]);
  const [iris] = (await readModels([join(root, "iris")])).models;
  expect(iris?.requirements).toMatch(/iris\/requirements\.txt$/);
  expect(iris?.example).toMatch(/iris\/example\.json$/);
});

it("prefers what the version's folder says over the model's", async () => {
  await put({ "m/1/model.onnx": "x", "m/1/example.json": "{}", "m/example.json": "{}", "m/2/model.onnx": "x" });
  const { models } = await readModels([join(root, "m")]);
  expect(models.map(({ example }) => example?.slice(root.length))).toEqual(["/m/1/example.json", "/m/example.json"]);
});

it("refuses names that are taken or cannot be, and folders with several models", async () => {
  await put({ "a.onnx": "x", "a.pkl": "x", "-b.onnx": "x", "c/one.onnx": "x", "c/two.pkl": "x" });
  const { models, rejections } = await read();
  expect(models).toEqual(["a/1 onnx"]);
  expect(rejections["a.pkl"]).toMatch(/^the name 'a' is taken by .*a\.onnx; rename one of them$/);
  expect(rejections["-b.onnx"]).toContain("cannot be a model's name");
  expect(rejections.c).toContain("several models in one folder (one.onnx, two.pkl)");
});

it("survives what is not there and links that lead nowhere or in circles", async () => {
  await symlink("nowhere", join(root, "dangling"));
  await symlink(root, join(root, "circle"));
  const { rejections } = await read();
  expect(rejections.dangling).toBe("a link to something that does not exist");
  expect(rejections.circle).toBeDefined();
  expect((await read("missing")).rejections.missing).toBe("there is no such file or folder");
});

it("takes a folder as one model only when no other sub-folder holds one", async () => {
  await put({ "iris/model.pkl": "x", "7/model.onnx": "x", "loose.onnx": "x" });
  expect((await read()).models).toEqual(["7/1 onnx", "iris/1 sklearn", "loose/1 onnx"]);
});

it("says what lies beside a model and is not used", async () => {
  await put({
    "a/model.onnx": "x",
    "a/model.onnx.data": "weights",
    "a/notes.csv": "x",
    "b/1/model.onnx": "x",
    "b/01/model.onnx": "x",
    "b/model.pkl": "x",
  });
  const { models, rejections } = await read("a", "b");
  expect(models).toEqual(["a/1 onnx", "b/1 onnx"]);
  expect(Object.keys(rejections)).toEqual(["a/notes.csv", "b/01", "b/model.pkl"]);
  expect((await readModels([join(root, "a")])).models[0]?.bytes).toBe("xweights".length);
});

it("takes only an object with a learner for XGBoost's", async () => {
  await put({
    "config.json": '{"learner_rate":1}',
    "about.json": '{"about":"learner"}',
    "x.json": `{"version":[3,2,0],${XGBOOST.slice(1)}`,
  });
  expect((await read()).models).toEqual(["x/1 xgboost"]);
});

it("keeps the name and the folder of a link", async () => {
  await put({ "blobs/abc": XGBOOST, "models/x/example.json": "{}" });
  await symlink("../../blobs/abc", join(root, "models/x/model.json"));
  const [spec] = (await readModels([join(root, "models")])).models;
  expect(spec?.file).toBe(join(root, "models/x/model.json"));
  expect(spec?.directory).toBe(join(root, "models/x"));
});

it("does not wait for a pipe that nobody writes to", async () => {
  await put({ "ok.onnx": "x" });
  execFileSync("mkfifo", [join(root, "model.json")]);
  expect((await read()).models).toEqual(["ok/1 onnx"]);
});

it("takes a folder with model.savedmodel for a model, and a file beside PyTorch's weights for a part of theirs", async () => {
  await put({ "tf/model.savedmodel/saved_model.pb": "x", "torch/model.pt": "x", "torch/network.py": "x" });
  expect(await read("tf", "torch")).toEqual({ models: ["tf/1 tensorflow", "torch/1 pytorch"], rejections: {} });
});

it("tells CatBoost's JSON from XGBoost's by its first key", async () => {
  const catboost = '{\n"features_info":\n  {\n    "float_features": []}}';
  await put({ "a/model.json": catboost, "b/model.json": XGBOOST, "c/model.json": '{"features":1}' });
  const { models } = await read();
  expect(models).toEqual(["a/1 catboost", "b/1 xgboost"]);
});
