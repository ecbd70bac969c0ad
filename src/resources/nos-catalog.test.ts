import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readModels } from "./model-folder.ts";
import { validateDocument } from "./validate-document.ts";

/** `docs/cli/serve.spec.yaml` of NOS, shorter. */
const DOCUMENTED = `
images:
  custom-gpu:
    base: autonomi/nos:latest-gpu
    system:
      - git
    pip:
      - accelerate>=0.23.0
      - transformers>=4.35.1
    conda:
      - conda-forge::ffmpeg
      - numpy=1.26
      - python=3.10
    requirements:
      - needs.txt
    env:
      NOS_LOGGING_LEVEL: INFO
      OMP_NUM_THREADS: 1
    run:
      - python -c 'import torch; print(torch.__version__)'
models:
  custom/custom-model-a:
    runtime_env: custom-gpu
    model_cls: CustomModel
    model_path: models/model.py
    default_method: __call__
    init_kwargs:
      model_name: custom/custom-model-a
    deployment:
      resources:
        device: auto
        device_memory: 4Gi
      num_replicas: 2
  custom-model-b:
    runtime_env: cpu
    model_cls: CustomModel
    model_path: models/model.py
    init_args:
      - arg-b
    deployment:
      resources:
        cpu: 2
        cpus: 1.5
        memory: 2Gi
        device: cpu
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("a NOS catalog", () => {
  it("is read as NOS documents it", async () => {
    const catalog = write("serve.yaml", DOCUMENTED);
    const code = write("models/model.py", "class CustomModel: pass\n");
    write("needs.txt", "pillow\n");
    const { models, rejections, manifestFiles } = await readModels([catalog]);
    expect([rejections, manifestFiles]).toEqual([[], []]);
    const [first, second] = models;
    expect(first).toMatchObject({
      name: "custom--custom-model-a",
      format: "python",
      file: code,
      directory: folder,
      settings: {
        _nos: { model_cls: "CustomModel", init_args: [], init_kwargs: { model_name: "custom/custom-model-a" }, default_method: "__call__" },
      },
      variables: { NOS_LOGGING_LEVEL: "INFO", OMP_NUM_THREADS: "1" },
      packages: "pillow\naccelerate>=0.23.0\ntransformers>=4.35.1\nffmpeg\nnumpy==1.26.*",
    });
    expect(first?.notes?.join("\n")).toMatch(
      /custom\/custom-model-a has slashes.*\nnum_replicas: 2.*\nresources \(device_memory\).*\nbase, system, run of/,
    );
    expect(second).toMatchObject({ name: "custom-model-b", settings: { _nos: { init_args: ["arg-b"], init_kwargs: {} } } });
    expect(second?.notes).toEqual(["resources (cpu, cpus, memory, device) have no effect: models share what the machine has"]);
    expect(second).not.toHaveProperty("packages");
  });

  it("is found in a folder, whose model files are then no models of their own", async () => {
    write("serve.yaml", DOCUMENTED);
    write("models/model.py", "class CustomModel: pass\n");
    write("needs.txt", "");
    write("kserve.yaml", "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmodels: 1\n");
    const { models, rejections, manifestFiles } = await readModels([folder]);
    expect(models.map(({ name }) => name)).toEqual(["custom--custom-model-a", "custom-model-b"]);
    expect(manifestFiles).toEqual([join(folder, "kserve.yaml")]);
    expect(rejections.map(({ path }) => path)).toEqual([join(folder, "needs.txt")]);
  });

  it("is found in a folder of models", async () => {
    write("nos/serve.yaml", "models:\n  a: {model_cls: A, model_path: model.py}\n");
    write("nos/model.py", "");
    write("other/model.py", "");
    const { models, rejections } = await readModels([folder]);
    expect(rejections).toEqual([]);
    expect(models.map(({ name }) => name)).toEqual(["a", "other"]);
  });

  it.each([
    ["models:\n  a:\n    model_class: A\n    model_path: m.py\n", ":3", "models.a.model_class: unknown field; did you mean model_cls?"],
    ["models:\n  a:\n    deployment:\n      num_replicas: 2\n", ":2", "models.a.model_cls: is missing; NOS's own models are not served"],
    ["models:\n  a: {model_cls: A, model_path: n.py}\n", ":2", "models.a.model_path: there is no file n.py beside serve.yaml"],
    [
      "models:\n  a: {model_cls: A, model_path: m.py, runtime_env: x}\n",
      ":2",
      'models.a.runtime_env: there is no image "x"; expected one of auto,',
    ],
    ["models:\n  a: {model_cls: A, model_path: m.py, deployment: {num_replicas: 0}}\n", ":2", "models.a.deployment.num_replicas: "],
    [
      "models:\n  a: {model_cls: A, model_path: m.py, deployment: {resources: {gpu: 1}}}\n",
      ":2",
      "models.a.deployment.resources.gpu: unknown field",
    ],
    [
      "images:\n  i: {pips: [x]}\nmodels:\n  a: {model_cls: A, model_path: m.py}\n",
      ":2",
      "images.i.pips: unknown field; did you mean pip?",
    ],
    ["models: [a]\n", ":1", "models: expected a map, found a list"],
    ["models:\n  a b: {model_cls: A, model_path: m.py}\n", ":2", 'models["a b"]'],
    ["models:\n  a: {\n", ":3", "no valid YAML"],
    [
      "images:\n  i: {requirements: [no.txt]}\nmodels:\n  a: {model_cls: A, model_path: m.py, runtime_env: i}\n",
      ":4",
      "requirements file no.txt, which cannot be read",
    ],
  ])("says what is wrong with %j", async (text, line, message) => {
    write("m.py", "");
    const { models, rejections } = await readModels([write("serve.yaml", text)]);
    expect(models).toEqual([]);
    expect(rejections).toHaveLength(1);
    expect(rejections[0]?.path).toContain(`serve.yaml${line}`);
    expect(rejections[0]?.reason).toContain(message);
  });

  it("is no resource", () => {
    expect(() => validateDocument({ models: { a: {} } })).toThrow("this is a catalog of NOS and no resource");
  });

  it("serves its other models when one is wrong", async () => {
    write("m.py", "");
    const text = "models:\n  a: {model_cls: A, model_path: m.py}\n  b: {model_cls: B}\n  c: {model_cls: C, model_path: m.py, x: 1}\n";
    const { models, rejections } = await readModels([write("serve.yaml", text)]);
    expect(models.map(({ name }) => name)).toEqual(["a"]);
    expect(rejections.map(({ reason }) => reason.split(":", 1)[0])).toEqual(["models.c.x", "models.b.model_path"]);
  });
});
