import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

type Fields = Readonly<Record<string, unknown>>;

/** Types of columns that only MLflow itself checks. */
const NESTED_TYPES = new Set(["array", "object", "map", "any", "sparkml_vector"]);

interface Flavor {
  /** Its key below `flavors`. */
  readonly name: string;
  readonly packages: (flavor: Fields) => readonly string[];
  /** Whether its files are data, which is so of every folder of some flavours. */
  readonly isPlain?: (folder: string, flavor: Fields) => Promise<boolean>;
}

/** By loader_module, as python/nitrous_host/mlflow_models/flavors knows them. */
const FLAVORS: Readonly<Record<string, Flavor>> = {
  "mlflow.sklearn": {
    name: "sklearn",
    packages: (flavor) => [pinned("scikit-learn", flavor.sklearn_version), ...skops(flavor)],
  },
  "mlflow.xgboost": { name: "xgboost", packages: (flavor) => ["xgboost-cpu", ...estimators(flavor, "xgboost.core.Booster")] },
  "mlflow.lightgbm": {
    name: "lightgbm",
    packages: (flavor) => ["lightgbm", ...estimators(flavor, "lightgbm.basic.Booster"), ...skops(flavor)],
  },
  "mlflow.catboost": { name: "catboost", packages: () => ["catboost"] },
  "mlflow.onnx": { name: "onnx", packages: () => ["onnxruntime"] },
  "mlflow.pytorch": {
    name: "pytorch",
    packages: () => ["torch"],
    isPlain: (folder, { model_data }) => hasFile(folder, model_data, "model.pt2"),
  },
  "mlflow.keras": keras(),
  "mlflow.keras.load": keras(),
  "mlflow.tensorflow": {
    name: "tensorflow",
    packages: ({ model_type }) => (model_type === "tf2-module" ? ["tensorflow-cpu"] : ["keras", "tensorflow-cpu"]),
    isPlain: async (folder, flavor) => flavor.model_type === "tf2-module" || (await isPlainKeras(folder, flavor)),
  },
};

/** What the Python host needs to load a model folder without MLflow, from its MLmodel; undefined when it cannot. */
export async function directRequirements(folder: string, model: Fields): Promise<readonly string[] | undefined> {
  const flavors = Object.entries(fieldsOf(model.flavors));
  const loader = fieldsOf(fieldsOf(model.flavors).python_function).loader_module;
  const known = typeof loader === "string" && Object.hasOwn(FLAVORS, loader) ? FLAVORS[loader] : undefined;
  if (known === undefined || flavors.some(([, flavor]) => Boolean(fieldsOf(flavor).code)) || hasNestedColumns(model)) return undefined;
  const flavor = fieldsOf(fieldsOf(model.flavors)[known.name]);
  if ((await known.isPlain?.(folder, flavor)) === false) return undefined;
  return known.packages(flavor);
}

function keras(): Flavor {
  return {
    name: "keras",
    packages: () => ["keras", "tensorflow-cpu"],
    isPlain: async (folder, flavor) => !flavor.save_exported_model && (await hasFile(folder, flavor.data, "model.keras")),
  };
}

/** Of TensorFlow's flavour: without classes that are pickled beside the Keras file. */
async function isPlainKeras(folder: string, { data }: Fields): Promise<boolean> {
  if (!(await hasFile(folder, data, "model.keras"))) return false;
  return !(await readdir(join(folder, String(data)))).some((name) => name.endsWith(".cloudpickle"));
}

async function hasFile(folder: string, place: unknown, name: string): Promise<boolean> {
  return typeof place === "string" && (await stat(join(folder, place, name)).catch(() => undefined))?.isFile() === true;
}

function estimators({ model_class = "" }: Fields, booster: string): readonly string[] {
  return model_class === "" || model_class === booster ? [] : ["scikit-learn"];
}

function skops({ serialization_format }: Fields): readonly string[] {
  return serialization_format === "skops" ? ["skops>=0.13"] : [];
}

function pinned(name: string, version: unknown): string {
  return typeof version === "string" && /^\d+(\.\w+)*$/.test(version) ? `${name}==${version}` : name;
}

function hasNestedColumns(model: Fields): boolean {
  const { inputs } = fieldsOf(model.signature);
  try {
    const columns: unknown = typeof inputs === "string" ? JSON.parse(inputs) : inputs;
    return Array.isArray(columns) && columns.some((column) => NESTED_TYPES.has(String(fieldsOf(column).type)));
  } catch {
    // The host says what is wrong with it.
    return false;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
