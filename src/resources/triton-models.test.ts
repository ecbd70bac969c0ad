import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { BackendQuestion } from "../core/backend-servers.ts";
import { readModels } from "./model-folder.ts";
import type { TritonOptions } from "./triton-models.ts";

const ONNX = 'backend: "onnxruntime"\nmax_batch_size: 4\n';
const PYTHON = "import numpy\n\nclass TritonPythonModel:\n    pass\n";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "nitrous-triton-"));
});

afterEach(() => rm(root, { recursive: true }));

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (!path.endsWith("/")) await writeFile(join(root, path), text);
    else await mkdir(join(root, path), { recursive: true });
  }
}

async function read(options: TritonOptions = {}, path = ""): Promise<{ models: string[]; rejections: string[] }> {
  const { models, rejections } = await readModels([join(root, path)], options);
  const place = (file: string): string => file.slice(root.length + 1);
  return {
    models: models.map(({ name, version, format, file }) => `${name}/${version} ${format} ${place(file)}`),
    rejections: rejections.map(({ path: file, reason, model }) => `${place(file)}${model === undefined ? "" : ` (${model})`}: ${reason}`),
  };
}

it("serves the versions that the version policy names, and the latest one without it", async () => {
  const policy = (text: string): string => `${ONNX}version_policy: { ${text} }`;
  const configurations = {
    a: ONNX,
    b: policy("all {}"),
    c: policy("latest { num_versions: 2 }"),
    d: policy("specific { versions: [1, 7] }"),
  };
  for (const [name, text] of Object.entries(configurations)) {
    await put({ [`${name}/config.pbtxt`]: text });
    for (const version of ["1", "2", "10"]) await put({ [`${name}/${version}/model.onnx`]: "x" });
  }
  await put({
    "e/config.pbtxt": policy("specific { versions: 7 }"),
    "e/1/model.onnx": "x",
    "e/007/model.onnx": "x",
    "f/config.pbtxt": ONNX,
  });
  const { models, rejections } = await read();
  expect(models.map((text) => text.split(" ")[0])).toEqual(["a/10", "b/1", "b/2", "b/10", "c/2", "c/10", "d/1"]);
  const none = "at least one version must be available under the version policy of model";
  expect(rejections).toEqual([
    "d/7: version_policy names version 7, and there is no such folder",
    `e (e): ${none} 'e': it has 1, and version_policy names 7`,
    `f (f): ${none} 'f': it has no folder of a version; make one, such as 1`,
  ]);
});

it("knows a model's format by its backend, its platform or its file, and takes the file that its configuration names", async () => {
  await put({
    "other/config.pbtxt": `${ONNX}default_model_filename: "net.onnx"`,
    "other/1/net.onnx": "x",
    "platform/config.pbtxt": 'platform: "onnxruntime_onnx"\nmax_batch_size: 4\n',
    "platform/1/model.onnx": "x",
    "by-file/config.pbtxt": 'name: "by-file"',
    "by-file/1/model.onnx/model.onnx": "x",
    "plain/3/model.onnx": "x",
    "plain/4/model.onnx": "x",
    "code/1/model.py": PYTHON,
    "code/requirements.txt": "numpy",
    "script/config.pbtxt": 'backend: "typescript"',
    "script/1/model.ts": "export class Model {}",
    "trees/config.pbtxt": 'backend: "xgboost"',
    "trees/1/model.json": '{"learner":{}}',
    "wrong/config.pbtxt": 'backend: "lightgbm"',
    "wrong/1/model.json": '{"learner":{}}',
    "gone/config.pbtxt": ONNX,
    "gone/1/": "",
    "iris/model.onnx": "x",
  });
  const { models, rejections } = await read();
  expect(models).toEqual([
    "by-file/1 onnx by-file/1/model.onnx/model.onnx",
    "code/1 triton-python code/1/model.py",
    "iris/1 onnx iris/model.onnx",
    "other/1 onnx other/1/net.onnx",
    "plain/3 onnx plain/3/model.onnx",
    "plain/4 onnx plain/4/model.onnx",
    "platform/1 onnx platform/1/model.onnx",
    "script/1 typescript script/1/model.ts",
    "trees/1 xgboost trees/1/model.json",
  ]);
  expect(rejections).toEqual([
    "gone/1 (gone): unable to find '1/model.onnx' for model 'gone'",
    'wrong/1 (wrong): its configuration says backend: "lightgbm", and model.json is a model of format xgboost; write that as its backend',
  ]);
  const found = (await readModels([root])).models;
  const folders = found.map(({ name, directory, folder, configuration }) => [
    name,
    directory.slice(root.length),
    folder?.slice(root.length),
    configuration?.backend,
  ]);
  expect(folders).toContainEqual(["by-file", "/by-file/1", "/by-file", "onnxruntime"]);
  expect(folders).toContainEqual(["plain", "/plain/3", "/plain", "onnxruntime"]);
  expect(folders).toContainEqual(["iris", "/iris", undefined, undefined]);
  expect(found.find(({ name }) => name === "code")?.requirements).toMatch(/code\/requirements.txt$/);
});

it("says where a configuration is wrong, and goes on with the others", async () => {
  await put({
    "a/config.pbtxt": "max_batch_size: 4\nno_such_field: 1\n",
    "a/1/model.onnx": "x",
    "b/config.pbtxt": `name: "other"\n${ONNX}`,
    "b/1/model.onnx": "x",
    "c/config.pbtxt": ONNX,
    "c/1/model.onnx": "x",
  });
  const { models, rejections } = await read();
  expect(models).toEqual(["c/1 onnx c/1/model.onnx"]);
  expect(rejections[0]).toMatch(/^a \(a\): config\.pbtxt:2:1.*no_such_field/);
  expect(rejections[1]).toMatch(/^b \(b\): .*(b.*other|other.*b)/);
});

it("takes one model's folder, its configuration and one of several configurations as a path", async () => {
  await put({ "m/config.pbtxt": ONNX, "m/configs/small.pbtxt": `${ONNX}response_cache { enable: true }`, "m/1/model.onnx": "x" });
  for (const path of ["m", "m/config.pbtxt", ""]) expect((await read({}, path)).models).toEqual(["m/1 onnx m/1/model.onnx"]);
  const cached = async (configurationName: string) => (await readModels([join(root, "m")], { configurationName })).models[0]?.responseCache;
  expect([await cached("small"), await cached("large")]).toEqual([true, undefined]);
});

it("has an ensemble for each of its versions, empty as their folders may be", async () => {
  await put({
    "pipe/config.pbtxt": `platform: "ensemble"
      max_batch_size: 4
      input { name: "x" data_type: TYPE_FP32 dims: 2 }
      output { name: "y" data_type: TYPE_FP32 dims: 2 }
      ensemble_scheduling { step { model_name: "m" model_version: -1 input_map { key: "a" value: "x" } output_map { key: "b" value: "y" } } }`,
    "pipe/1/": "",
    "m/config.pbtxt": ONNX,
    "m/1/model.onnx": "x",
  });
  expect(await read()).toEqual({ models: ["m/1 onnx m/1/model.onnx", "pipe/1 ensemble pipe/1"], rejections: [] });
});

it("asks for backends that are not its own, and for its own where others may have them", async () => {
  await put({
    "plan/config.pbtxt": 'platform: "tensorrt_plan"\nmax_batch_size: 0',
    "plan/1/model.plan": "x",
    "m/config.pbtxt": ONNX,
    "m/1/model.onnx": "x",
  });
  const asked: Array<Partial<BackendQuestion>> = [];
  const backends = {
    placeOf: async ({ backend, isOwn, modelName }: BackendQuestion) => {
      asked.push({ backend, isOwn, modelName });
      return isOwn ? ({ kind: "own" } as const) : ({ kind: "nowhere", reason: "not here" } as const);
    },
  };
  expect((await read({ backends })).rejections).toEqual(["plan (plan): not here"]);
  expect(asked).toEqual([
    { backend: "onnxruntime", isOwn: true, modelName: "m" },
    { backend: "tensorrt", isOwn: false, modelName: "plan" },
  ]);
  expect((await read()).rejections).toEqual([expect.stringContaining("there is no backend 'tensorrt' here")]);
});
