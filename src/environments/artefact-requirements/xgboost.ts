import type { ArtefactRequirements } from "./artefact-requirements.ts";
import { contains } from "./contains.ts";

/** What XGBoost 3.1 and later keep of columns of categories, in JSON and UBJSON; without such columns the list is empty. */
const CATEGORIES = /cats[\s\S]{0,40}enc[\s\S]{0,60}(?:offsets|type)/;
const LONGEST = 128;

/** A model of categorical columns takes a data frame, which needs pandas. */
export async function requirementsOfXgboost(file: string, signal?: AbortSignal): Promise<ArtefactRequirements> {
  return (await contains(file, CATEGORIES, LONGEST, signal)) ? { requirements: "pandas" } : {};
}
