import type { ModelFormat } from "../core/formats.ts";

/** Packages that a format's host needs before the model's own; the framework for an NVIDIA GPU is often another package, and larger. */
type Packages = readonly string[] | { readonly cpu: readonly string[]; readonly gpu: readonly string[] };

const FORMAT_REQUIREMENTS: Readonly<Partial<Record<ModelFormat, Packages>>> = {
  sklearn: ["scikit-learn", "pandas", "joblib", "numpy"],
  xgboost: { cpu: ["xgboost-cpu", "numpy"], gpu: ["xgboost", "numpy"] },
  lightgbm: ["lightgbm", "numpy"],
  catboost: ["catboost", "numpy", "pandas"],
  pmml: ["numpy", "pandas"],
  // TensorFlow brings Keras anyway, and what is equal is one environment.
  tensorflow: { cpu: ["keras", "tensorflow-cpu", "numpy"], gpu: ["keras", "tensorflow[and-cuda]", "numpy"] },
  keras: { cpu: ["keras", "tensorflow-cpu", "numpy"], gpu: ["keras", "tensorflow[and-cuda]", "numpy"] },
  pytorch: ["torch", "numpy"],
  mar: ["torch", "numpy", "pyyaml"],
  huggingface: ["torch", "transformers>=4.56", "safetensors", "pillow", "numpy"],
  mlflow: ["pandas", "numpy", "pyyaml"],
  python: ["numpy"],
  "triton-python": ["numpy"],
};

/** A package that does without another when the user names it: the same framework under another name. */
const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  "xgboost-cpu": ["xgboost"],
  "tensorflow-cpu": ["tensorflow", "tensorflow-intel"],
  "mlflow-skinny": ["mlflow"],
};

/** What a format's host needs of packages. */
export function packagesOf(format: ModelFormat, gpu: boolean): readonly string[] {
  const packages: Packages = FORMAT_REQUIREMENTS[format] ?? [];
  return "cpu" in packages ? packages[gpu ? "gpu" : "cpu"] : packages;
}

/** The names of packages that are as good as one of ours; of normalised names. */
export function replacementsOf(name: string): readonly string[] {
  return REPLACED_BY[name] ?? [];
}
