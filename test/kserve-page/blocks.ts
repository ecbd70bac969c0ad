import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";

const PAGE = fileURLToPath(new URL("../../testdata/resources/valid/kserve-page-runtimes.yaml", import.meta.url));

interface Container {
  image?: string;
  command?: readonly string[];
  env?: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  resources?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  [field: string]: unknown;
}

/** A ServingRuntime of KServe's page "Serving Runtimes", which tests may change. */
export interface PageRuntime {
  readonly metadata: { readonly name: string };
  readonly spec: {
    supportedModelFormats?: ReadonlyArray<{ readonly name: string; readonly version?: string }>;
    readonly containers: [Container];
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

/** The formats of blocks that name none: without one no model could name the runtime, as KServe has it. */
const FORMATS = [{ name: "custom-format", version: "1" }];

export function pageRuntime(name: string): PageRuntime {
  const found = parseAllDocuments(readFileSync(PAGE, "utf8"))
    .map((document) => document.toJS() as PageRuntime)
    .find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`KServe's page has no runtime ${name}`);
  found.spec.supportedModelFormats ??= FORMATS;
  return found;
}

export interface PageService {
  readonly name: string;
  readonly runtime?: string;
  readonly format?: string;
  readonly storageUri?: string;
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value: string }>;
}

/** A service as the page writes one. */
export function pageService({ name, format = "custom-format", ...model }: PageService): object {
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name },
    spec: { predictor: { model: { modelFormat: { name: format }, ...model } } },
  };
}

export function manifestOf(...objects: readonly object[]): string {
  return objects.map((each) => stringify(each)).join("---\n");
}
