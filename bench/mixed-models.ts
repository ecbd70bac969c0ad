import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A copy of an example under a name of its own, and a request of Open Inference Protocol that it answers. */
export interface MixedModel {
  readonly name: string;
  readonly path: string;
  readonly body: string;
}

export interface MixedModels {
  readonly models: readonly MixedModel[];
  remove(): void;
}

const example = (path: string): string => fileURLToPath(new URL(`../examples/${path}`, import.meta.url));
const read = (path: string): string => readFileSync(example(path), "utf8");
const TEXTS = JSON.stringify({ inputs: [{ name: "text", shape: [1], datatype: "BYTES", data: ["what a lovely day"] }] });

/** Ten, in the shares of measure-hosts.ts: small networks and scikit-learn are frequent, the large frameworks are not. */
const TEN = [
  { kind: "onnx", folder: "models/iris-onnx", body: read("models/iris-onnx/example.json") },
  { kind: "onnx", folder: "models/iris-onnx", body: read("models/iris-onnx/example.json") },
  { kind: "typescript", folder: "models/text-stats", body: TEXTS },
  { kind: "python", folder: "models/sentiment", body: TEXTS },
  { kind: "lightgbm", folder: "models/diabetes", body: read("models/diabetes/example.json") },
  { kind: "sklearn", folder: "models/iris/2", body: read("models/iris/example.json") },
  { kind: "sklearn", folder: "models/iris/2", body: read("models/iris/example.json") },
  { kind: "xgboost", folder: "models/breast-cancer", body: read("models/breast-cancer/example.json") },
  { kind: "pytorch", manifest: "pytorch", body: read("pytorch/request.json") },
  { kind: "tensorflow", manifest: "tensorflow", body: read("tensorflow/request.json") },
] as const;

export function mixedModels(count: number): MixedModels {
  const root = mkdtempSync(join(tmpdir(), "nitrous-bench-models-"));
  const models = Array.from({ length: count }, (_, index): MixedModel => {
    const each = TEN[index % TEN.length] as (typeof TEN)[number];
    const name = `${each.kind}-${index}`;
    const { body } = each;
    if ("folder" in each) {
      const path = join(root, name);
      cpSync(example(each.folder), path, { recursive: true });
      return { name, path, body };
    }
    const path = join(root, `${name}.yaml`);
    const storage = example(`${each.manifest}/model`);
    writeFileSync(
      path,
      read(`${each.manifest}/service.yaml`)
        .replace(/^ {2}name: .*$/m, `  name: ${name}`)
        .replace("./model", storage),
    );
    return { name, path, body };
  });
  return { models, remove: () => rmSync(root, { recursive: true, force: true }) };
}
