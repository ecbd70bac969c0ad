import type { ModelFormat } from "../../core/formats.ts";
import type { ArtefactRequirements } from "./artefact-requirements.ts";
import { requirementsOfHuggingFace } from "./huggingface.ts";
import { requirementsOfLightgbm } from "./lightgbm.ts";
import { requirementsOfMar } from "./mar.ts";
import { requirementsOfMlflow } from "./mlflow.ts";
import { requirementsOfPmml } from "./pmml.ts";
import { requirementsOfPython } from "./python.ts";
import { requirementsOfSklearn } from "./sklearn.ts";
import { requirementsOfXgboost } from "./xgboost.ts";

type Reader = (file: string, signal: AbortSignal | undefined) => Promise<ArtefactRequirements>;

/** Formats whose artefacts say what they need. */
const READERS: Readonly<Partial<Record<ModelFormat, Reader>>> = {
  huggingface: requirementsOfHuggingFace,
  lightgbm: requirementsOfLightgbm,
  mar: requirementsOfMar,
  mlflow: requirementsOfMlflow,
  pmml: requirementsOfPmml,
  python: requirementsOfPython,
  sklearn: requirementsOfSklearn,
  xgboost: requirementsOfXgboost,
};

/** Reads without running anything of the artefact. @throws ServeError INVALID_ARGUMENT for a record that cannot be read */
export async function artefactRequirements(format: ModelFormat, file: string, signal?: AbortSignal): Promise<ArtefactRequirements> {
  return (await READERS[format]?.(file, signal)) ?? {};
}
