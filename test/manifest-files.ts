import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EXAMPLES } from "./server-process.ts";

const MANIFESTS = fileURLToPath(new URL("../testdata/kserve/", import.meta.url));

/** A folder of a test's own with resources as files, and in `models` a copy of the examples. */
export interface ManifestFolder {
  readonly path: string;
  readonly models: string;
  /** Writes a file beside `models`; answers its path. */
  write(name: string, text: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createManifestFolder(): Promise<ManifestFolder> {
  const path = await mkdtemp(join(tmpdir(), "nitrous-manifests-"));
  const models = join(path, "models");
  await cp(EXAMPLES, models, { recursive: true });
  return {
    path,
    models,
    async write(name, text) {
      const file = join(path, name);
      await writeFile(file, text);
      return file;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** KServe's own examples into the folder, with its models where they say ${MODELS}; answers their paths. */
export async function copyExamples(folder: ManifestFolder): Promise<string[]> {
  const names = (await readdir(MANIFESTS)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(MANIFESTS, name), "utf8");
      return await folder.write(name, text.replaceAll("$" + "{MODELS}", folder.models));
    }),
  );
}

export interface ServiceText {
  readonly name: string;
  readonly format: string;
  readonly uri: string;
  readonly minReplicas?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further fields of predictor.model. */
  readonly model?: Readonly<Record<string, unknown>>;
}

/** An InferenceService as a document of a YAML file. */
export function serviceText({ name, format, uri, minReplicas, annotations = {}, model = {} }: ServiceText): string {
  const predictor = { minReplicas, model: { modelFormat: { name: format }, storageUri: uri, ...model } };
  const metadata = { name, annotations };
  return `${JSON.stringify({ apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", metadata, spec: { predictor } })}\n`;
}
