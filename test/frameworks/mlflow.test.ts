import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask } from "../service-process.ts";
import { type BadArtefact, type BadRequest, cutOff, describeFormat, runPython } from "./format-suite.ts";

const MLFLOW_ITSELF = "mlflow-skinny\nscikit-learn\npandas\nskops\n";
const COLUMNS = ["alcohol", "malic_acid", "ash", "flavanoids", "proline"] as const;
const FLAVORS = fileURLToPath(new URL("mlflow_flavors.py", import.meta.url));
const HOST = fileURLToPath(new URL("../../python", import.meta.url));

/** Of one flavour: `equal` also says that what needs trust was refused without it. */
interface Compared {
  readonly equal: boolean;
  readonly direct: boolean;
}

type Columns = Partial<Record<string, readonly unknown[]>>;
const ROW: Columns = { alcohol: [14.23], malic_acid: [1.71], ash: [2.43], flavanoids: [3.06], proline: [1065] };

function v2(columns: Columns, datatypes: Readonly<Record<string, string>> = {}): object {
  const inputs = Object.entries(columns).map(([name, data = []]) => ({
    name,
    datatype: datatypes[name] ?? (name === "proline" ? "INT64" : "FP64"),
    shape: [data.length],
    data,
  }));
  return { inputs };
}

const { ash: _ash, ...WITHOUT_ASH } = ROW;

const badColumns: BadRequest[] = [
  { what: "a missing column", body: v2(WITHOUT_ASH), says: /missing inputs 'ash'.*'ash \(double\)'/ },
  { what: "floats for whole numbers", body: v2(ROW, { proline: "FP64" }), says: /'proline' is float64.*type long.*send INT64/ },
  { what: "text for numbers", body: v2({ ...ROW, ash: ["much"] }, { ash: "BYTES" }), says: /'ash' is text.*type double/ },
  { what: "columns of different lengths", body: v2({ ...ROW, ash: [1, 2] }), says: /same number of rows/ },
  {
    what: "null where no value may be missing, over V1",
    path: ":predict",
    body: { instances: [{ ...first(ROW), proline: null }] },
    says: /'proline' has null in row 0/,
  },
  { what: "rows with fewer values than columns, over V1", path: ":predict", body: { instances: [[1, 2]] }, says: /row 0 is neither/ },
];

/** Replaces the estimator by a pickle that would make a file. */
const hostilePickle: BadArtefact = {
  what: "model.pkl that calls os.system",
  async change(folder) {
    const mark = join(folder, "ran");
    const command = `touch ${mark}`;
    await writeFile(join(folder, "model/model.pkl"), `cos\nsystem\n(V${command}\ntR.`);
    await edit(folder, (text) => text.replaceAll("model.skops", "model.pkl").replace("format: skops", "format: cloudpickle"));
    return mark;
  },
  says: /model\.pkl was refused: it refers to (os|posix)\.system.*nitrous\/trust/s,
};

const badArtefacts: BadArtefact[] = [
  cutOff("model/model.skops", /model\.skops is not a whole skops file/),
  cutOff("model/MLmodel", /MLmodel/),
  hostilePickle,
  {
    what: "a folder of Python files beside the estimator",
    async change(folder) {
      const mark = await script(folder, "model/sklearn.py");
      await edit(folder, (text) => text.replace("code: null", "code: code"));
      return mark;
    },
    says: /flavor sklearn brings Python files along.*nitrous\/trust: code/s,
  },
  {
    what: "a loader_module of its own",
    async change(folder) {
      const mark = await script(folder, "model/loader.py");
      await edit(folder, (text) => text.replace("loader_module: mlflow.sklearn", "loader_module: loader"));
      return mark;
    },
    says: /loader_module is loader.*nitrous\/trust: code/s,
  },
  {
    what: "a PythonModel in a pickle",
    async change(folder) {
      await hostilePickle.change(folder);
      await edit(folder, (text) =>
        text.replace("loader_module: mlflow.sklearn", "loader_module: mlflow.pyfunc.model\n    python_model: model.pkl"),
      );
      return join(folder, "ran");
    },
    says: /PythonModel, a pickled Python class \(model\.pkl\).*nitrous\/trust: code/s,
  },
  {
    what: "an estimator outside of the folder",
    change: (folder) => edit(folder, (text) => text.replace("model_path: model.skops", "model_path: ../make.py")),
    says: /'\.\.\/make\.py', which is not in the model's folder/,
  },
];

describeFormat({
  name: "mlflow",
  format: "mlflow",
  artefact: "model",
  requirementsText: MLFLOW_ITSELF,
  badRequests: badColumns,
  badArtefacts,
});

describeFormat({
  name: "mlflow-pyfunc",
  format: "mlflow",
  artefact: "model",
  badRequests: [
    {
      what: "a parameter of another type",
      body: { instances: [{ name: "Ada", age: 36 }], parameters: { times: "twice" } },
      says: /parameter 'times' is "twice".*expects long/,
    },
    { what: "a number for text", body: { instances: [{ name: 1, age: 36 }] }, says: /'name', row 0: 1 is no value.*string/ },
  ],
  badArtefacts: [
    {
      what: "code that nobody trusts",
      async change(folder) {
        const mark = await script(folder, "model/greeter.py");
        const file = join(folder, "service.yaml");
        await writeFile(file, (await readFile(file, "utf8")).replace(/ {2}annotations:\n.*trust: code\n/, ""));
        return mark;
      },
      says: /model from code \(greeter\.py, a Python file\).*nitrous\/trust: code/s,
    },
    cutOff("model/greeter.py", /MLflow cannot load the model/),
  ],
});

describe("an MLflow model over HTTP", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer([]);
    const service = fileURLToPath(new URL("../../examples/mlflow/service.yaml", import.meta.url));
    await applyReady(server.url, [service], 280);
  });

  afterAll(async () => {
    await server?.stop();
  });

  const model = "mlflow-v2-wine-classifier";

  it("has the signature's columns as its inputs", async () => {
    const { body } = await ask(server.url, `/v2/models/${model}`);
    const inputs = COLUMNS.map((name) => ({ name, datatype: name === "proline" ? "INT64" : "FP64", shape: [-1] }));
    expect(body).toMatchObject({ platform: "scikit-learn", inputs, outputs: [{ name: "predict", datatype: "INT64", shape: [-1] }] });
  });

  it.each([
    ["objects", { instances: [first(ROW)] }],
    ["lists in the columns' order", { instances: [Object.values(first(ROW))] }],
    ["a list for each column", { inputs: ROW }],
    ["objects with a column that the signature has not", { instances: [{ ...first(ROW), hue: 1.04 }] }],
  ])("takes V1 rows: %s", async (_what, body) => {
    const answer = await ask(server.url, `/v1/models/${model}:predict`, body);
    expect(answer).toEqual({ status: 200, body: { predictions: [0] } });
  });

  it.each([
    [`/v1/models/${model}/invocations`, { dataframe_records: [first(ROW)] }],
    [`/serving/default/${model}/invocations`, { dataframe_split: { columns: Object.keys(ROW), data: [Object.values(first(ROW))] } }],
    ["/invocations", { inputs: ROW, params: { unknown: [1] } }],
  ])("answers clients of MLflow's scoring server at %s", async (path, body) => {
    expect(await ask(server.url, path, body)).toEqual({ status: 200, body: { predictions: [0] } });
  });

  it("tells them of errors as that does", async () => {
    const { status, body } = await ask(server.url, "/invocations", { dataframe_records: [{ alcohol: 1 }] });
    expect({ status, body }).toEqual({
      status: 400,
      body: { error_code: "BAD_REQUEST", message: expect.stringMatching(/missing inputs/) },
    });
  });

  it("answers many V2 requests at once", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(server.url, `/v2/models/${model}/infer`, v2(ROW))));
    for (const { status, body } of answers)
      expect({ status, body }).toMatchObject({ status: 200, body: { outputs: [{ shape: [1], data: [0] }] } });
  });

  it("widens numbers where nothing is lost, and ignores columns that the signature has not", async () => {
    const body = v2({ ...ROW, hue: [1.04] }, { alcohol: "FP32", ash: "FP32", proline: "INT32" });
    const { status, body: answered } = await ask(server.url, `/v2/models/${model}/infer`, body);
    expect({ status, answered }).toMatchObject({ status: 200, answered: { outputs: [{ data: [0] }] } });
  });
});

describe("flavours, asked through mlflow.pyfunc and through the host's own loaders", { timeout: 600_000 }, () => {
  const folder = fileURLToPath(new URL("../../examples/mlflow", import.meta.url));
  const networks = `${MLFLOW_ITSELF}torch\nkeras\ntensorflow-cpu\n`;

  it.each([
    ["tabular", `${MLFLOW_ITSELF}xgboost-cpu\nlightgbm\ncatboost\nonnx\nonnxruntime\n`, 14],
    ["pytorch", networks, 2],
    ["keras", networks, 3],
  ])("answer the same: %s", async (group, requirementsText, count) => {
    const output = await runPython({ format: "mlflow", artefact: "model", requirementsText }, folder, [FLAVORS, HOST, group]);
    const results = JSON.parse(output.trim().split("\n").at(-1) as string) as Record<string, Compared>;
    if (process.env.NITROUS_STARTS) console.log(JSON.stringify(results, undefined, 1));
    expect(Object.entries(results).filter(([, { equal }]) => !equal)).toEqual([]);
    expect(Object.keys(results)).toHaveLength(count);
    const through = Object.entries(results).filter(([, { direct }]) => !direct);
    expect(through.map(([name]) => name)).toEqual(group === "pytorch" ? ["pytorch-pickle"] : []);
  });
});

function first(columns: Columns): Record<string, unknown> {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values?.[0]]));
}

async function edit(folder: string, change: (text: string) => string): Promise<void> {
  const file = join(folder, "model/MLmodel");
  const text = await readFile(file, "utf8");
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(file, changed);
}

/** A script that makes a file when it is run; returns the path of that file. */
async function script(folder: string, name: string): Promise<string> {
  const mark = join(folder, "ran");
  await writeFile(join(folder, name), `open(${JSON.stringify(mark)}, "w").close()\n`);
  return mark;
}
