import { extname } from "node:path";
import type { ArtefactRequirements } from "./artefact-requirements.ts";

/** Older ones could be made to call what they did not name. */
const SKOPS = "skops>=0.13";

/** A scikit-learn artefact in the form of skops needs the package that reads it; the others need none but joblib. */
export async function requirementsOfSklearn(file: string): Promise<ArtefactRequirements> {
  return extname(file).toLowerCase() === ".skops" ? { requirements: SKOPS } : {};
}
