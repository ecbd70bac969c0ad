import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BackendQuestion } from "../../core/backend-servers.ts";

/** Files of Triton's backends (docs/user_guide/model_repository.md), and how this server serves them, or what they were made of. */
const WAYS: ReadonlyArray<readonly [file: RegExp, way: (file: string) => string]> = [
  [/^model\.savedmodel$/, withFormat("tensorflow")],
  [/^model\.pt$/, withFormat("pytorch")],
  [/^xgboost\.(?:json|ubj|model)$/, withFormat("xgboost")],
  [/^model\.txt$/, withFormat("lightgbm")],
  [/\.onnx$/, (file) => `nitrous serves ${file} itself with backend: "onnxruntime" in its config.pbtxt`],
  [
    /^model\.(?:xml|plan|graphdef)$/,
    (file) => `the ONNX file that ${file} was made of is served by nitrous itself (backend: "onnxruntime")`,
  ],
];

function withFormat(format: string): (file: string) => string {
  return (file) => `nitrous serves ${file} itself: as PATH, or in an InferenceService with modelFormat: ${format}`;
}

/** What else could serve a model's files: a clause; undefined when there is nothing. */
export async function otherWay({ folder }: BackendQuestion): Promise<string | undefined> {
  for (const version of (await readdir(folder).catch(() => [])).filter((name) => /^\d+$/.test(name)).sort(byNumber)) {
    for (const file of (await readdir(join(folder, version)).catch(() => [])).sort()) {
      const way = WAYS.find(([pattern]) => pattern.test(file))?.[1];
      if (way !== undefined) return way(`${version}/${file}`);
    }
  }
  return undefined;
}

/** The latest first. */
function byNumber(left: string, right: string): number {
  return Number(right) - Number(left);
}
