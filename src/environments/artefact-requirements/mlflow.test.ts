import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requirementsOfMlflow } from "./mlflow.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-mlflow-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

function mlmodel(loader: string, flavors = "", signature = ""): string {
  return `flavors:\n  python_function:\n    loader_module: ${loader}\n    python_version: 3.9.1\n${flavors}${signature}`;
}

async function linesOf(files: Readonly<Record<string, string>>): Promise<string[]> {
  await write(files);
  const { requirements = "" } = await requirementsOfMlflow(folder);
  return requirements.split("\n");
}

const SKLEARN = "  sklearn:\n    code: null\n    sklearn_version: 1.5.0\n    serialization_format: cloudpickle\n";
const CONDA = "dependencies:\n- python=3.10.4\n- pip<=24\n- pip:\n  - mlflow==2.9.0\n  - six==1.16.0\n";

describe("what an MLflow folder needs", () => {
  it("is in requirements.txt, with MLflow where only that can load the model", async () => {
    const model = mlmodel("mlflow.pyfunc.model");
    expect(await linesOf({ MLmodel: model, "requirements.txt": "mlflow==2.9.0\n# mine\nsix\n", "conda.yaml": CONDA })).toEqual([
      "mlflow==2.9.0",
      "six",
    ]);
    expect(await linesOf({ MLmodel: model, "requirements.txt": "six\n" })).toEqual(["six", "mlflow-skinny"]);
  });

  it("is without MLflow where the flavour is loaded directly, and has what that needs", async () => {
    const files = { MLmodel: mlmodel("mlflow.sklearn", SKLEARN), "requirements.txt": "mlflow==2.9.0\nsix\n" };
    expect(await linesOf(files)).toEqual(["six", "scikit-learn==1.5.0"]);
    expect(await linesOf({ ...files, "requirements.txt": "mlflow-skinny\nScikit_Learn==1.4.2\n" })).toEqual(["Scikit_Learn==1.4.2"]);
  });

  it.each([
    ["code beside it", mlmodel("mlflow.sklearn", SKLEARN.replace("code: null", "code: code"))],
    [
      "inputs that are lists",
      mlmodel("mlflow.sklearn", SKLEARN, `signature:\n  inputs: '[{"type": "array", "items": {"type": "double"}, "name": "x"}]'\n`),
    ],
    ["a pickled PyTorch module", mlmodel("mlflow.pytorch", "  pytorch:\n    model_data: data\n")],
  ])("has MLflow for a flavour with %s", async (_what, model) => {
    expect(await linesOf({ MLmodel: model, "requirements.txt": "six" })).toEqual(["six", "mlflow-skinny"]);
  });

  it("knows files of PyTorch and Keras that are data", async () => {
    const torch = mlmodel("mlflow.pytorch", "  pytorch:\n    model_data: data\n");
    expect(await linesOf({ MLmodel: torch, "data/model.pt2": "", "requirements.txt": "torch==2.9.0+cu130" })).toEqual(["torch==2.9.0"]);
    const keras = mlmodel("mlflow.tensorflow", "  tensorflow:\n    data: data\n    model_type: keras\n");
    const files = { MLmodel: keras, "data/model.keras": "", "requirements.txt": "tensorflow==2.21.0" };
    expect(await linesOf(files)).toEqual(["tensorflow==2.21.0", "keras"]);
    expect(await linesOf({ ...files, "data/custom_objects.cloudpickle": "" })).toContain("mlflow-skinny");
  });

  it("is in the pip section of conda.yaml, else in python_env.yaml, with their Python", async () => {
    await write({ MLmodel: mlmodel("loader"), "conda.yaml": CONDA });
    expect(await requirementsOfMlflow(folder)).toEqual({
      requirements: "mlflow==2.9.0\nsix==1.16.0",
      python: { specifier: "==3.10.*", required: false },
    });
    await rm(join(folder, "conda.yaml"));
    await write({ "python_env.yaml": "python: 3.8.10\nbuild_dependencies:\n- pip==24\ndependencies:\n- six\n" });
    expect(await requirementsOfMlflow(folder)).toEqual({
      requirements: "six\nmlflow-skinny",
      python: { specifier: "==3.8.*", required: false },
    });
    await rm(join(folder, "python_env.yaml"));
    expect(await requirementsOfMlflow(folder)).toEqual({
      requirements: "mlflow-skinny",
      python: { specifier: "==3.9.*", required: false },
    });
  });

  it("says what conda would have installed and pip does not", async () => {
    const conda = "dependencies:\n- python=3.11\n- six=1.16\n- gdal=3.9\n- pip:\n  - six\n";
    await write({ MLmodel: mlmodel("loader"), "conda.yaml": conda });
    const { warnings } = await requirementsOfMlflow(folder);
    expect(warnings).toEqual([expect.stringMatching(/^conda\.yaml asks conda for gdal=3\.9, which is not installed/)]);
  });

  it.each([
    ["cut off", "flavors:\n  python_function: {loader_module"],
    ["no object", "- 1\n"],
  ])("cannot be known when MLmodel is %s", async (_what, text) => {
    await write({ MLmodel: text });
    await expect(requirementsOfMlflow(folder)).rejects.toThrow(/^the file MLmodel of the folder cannot be used/);
  });
});
