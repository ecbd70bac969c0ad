import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InvalidResourceError, type Problem } from "../core/resource.ts";
import { readBuiltInRuntimes } from "./built-in-runtimes.ts";
import { type ReadDocument, readDocuments } from "./read-documents.ts";
import { type ValidationOptions, validateDocument } from "./validate-document.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = join(root, "testdata/resources");

function read(file: string): readonly ReadDocument[] {
  return readDocuments(readFileSync(join(folder, file), "utf8"), basename(file));
}

function problemsOf(document: unknown, options?: ValidationOptions): readonly Problem[] {
  try {
    validateDocument(document, options);
  } catch (error) {
    if (error instanceof InvalidResourceError) return error.problems;
    throw error;
  }
  return [];
}

/** An InferenceService with this predictor. */
function service(predictor: unknown, more: object = {}): unknown {
  return { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", metadata: { name: "a" }, spec: { predictor, ...more } };
}

function said(document: unknown): string[] {
  return problemsOf(document).map(({ path, message }) => `${path}: ${message}`);
}

describe("validateDocument", () => {
  it.each(readdirSync(join(folder, "valid")))("takes everything in valid/%s, and leaves the spec as it is", (file) => {
    for (const document of read(`valid/${file}`)) {
      const before = structuredClone(document.value) as { spec: object };
      const valid = validateDocument(document.value, document);
      expect(valid.spec).toEqual(before.spec);
      expect(document.value).toEqual(before);
    }
  });

  it.each(readdirSync(join(folder, "invalid")).filter((file) => file.endsWith(".yaml")))(
    "says all that is wrong with invalid/%s",
    (file) => {
      const problems = read(`invalid/${file}`).flatMap((document) => problemsOf(document.value, document));
      const lines = problems.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
      expect(lines).toEqual(
        readFileSync(join(folder, `invalid/${file.replace(".yaml", ".txt")}`), "utf8")
          .trimEnd()
          .split("\n"),
      );
    },
  );

  it("keeps of the metadata what a user says, and fills the namespace in", () => {
    const [, flowers] = read("valid/model.yaml");
    expect(validateDocument(flowers?.value, { namespace: "other" }).metadata).toEqual({
      name: "iris-boosted",
      namespace: "flowers",
      labels: { team: "botany" },
      annotations: { "serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "none" },
    });
    const [everything] = read("valid/everything.yaml");
    expect(validateDocument(everything?.value)).toEqual({
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      metadata: { name: "everything", namespace: "default" },
      spec: (everything as { value: { spec: unknown } }).value.spec,
    });
    expect(validateDocument(everything?.value, { namespace: "other" }).metadata.namespace).toBe("other");
    const [, cluster] = read("valid/runtimes.yaml");
    expect(validateDocument(cluster?.value, { namespace: "other" }).metadata).toEqual({
      name: "many-machines",
      annotations: { "nitrous/host": "node" },
    });
  });

  it("reads the built-in runtimes", () => {
    const runtimes = readBuiltInRuntimes(join(root, "runtimes"));
    expect(runtimes.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(
      readdirSync(join(root, "runtimes")).map((file) => `ClusterServingRuntime ${basename(file, ".yaml")}`),
    );
    expect(runtimes).not.toHaveLength(0);
  });

  it("has no lines to say where none are known", () => {
    expect(problemsOf(service({ model: { modelFormat: {} } }))).toEqual([
      { path: "spec.predictor.model.modelFormat.name", message: "is missing; expected text that is not empty" },
    ]);
  });
});

describe("rules of KServe's webhooks", () => {
  const model = { modelFormat: { name: "sklearn" }, storageUri: "gs://models/iris" };
  const container = (name: string, env: readonly object[] = []): object => ({ name, image: "x", env });

  it.each<[string, unknown, string[]]>([
    ["a model and sidecars", service({ model, containers: [container("sidecar")] }), []],
    ["containers of any name, without a model", service({ containers: [container("any"), container("other")] }), []],
    ["as many replicas as wanted, when the most is 0", service({ model, minReplicas: 3, maxReplicas: 0 }), []],
    [
      "a model and a container in its place",
      service({ model, containers: [container("kserve-container")] }),
      ["spec.predictor: expected one model, found model and a container kserve-container; keep one of them"],
    ],
    [
      "fewer replicas than the default",
      service({ model, minReplicas: 2, maxReplicas: 1 }),
      ["spec.predictor.minReplicas: expected at most maxReplicas, which is 1, found 2"],
    ],
    [
      "an unknown protocol of custom containers",
      service({ containers: [container("kserve-container", [{ name: "PROTOCOL", value: "v3" }])] }),
      ['spec.predictor.containers[0].env[0].value: expected the protocol v1 or v2, found "v3"'],
    ],
    [
      "a model beside the transformer",
      service({ containers: [container("kserve-container"), container("transformer-container", [{ name: "STORAGE_URI", value: "x" }])] }),
      ["spec.predictor.containers[1].env[0]: STORAGE_URI belongs to the model's container, not to transformer-container"],
    ],
    [
      "two volume claims in one place",
      service({ model: { modelFormat: model.modelFormat }, storageUris: [{ uri: "pvc://a" }, { uri: "pvc://b" }] }),
      [0, 1].map(
        (index) =>
          `spec.predictor.storageUris[${index}].mountPath: another volume claim is mounted at /mnt/models; give each a place of its own`,
      ),
    ],
    [
      "encryption of nothing",
      service({ model: { modelFormat: model.modelFormat, confidential: { enabled: true } } }),
      ["spec.predictor.model.confidential: needs a storageUri beside it"],
    ],
    [
      "the name of a standard predictor's container",
      service({ model: { ...model, name: "own" } }),
      ['spec.predictor.model.name: expected no name: the container of a standard predictor is always kserve-container, found "own"'],
    ],
    [
      "several containers of a worker, and what its fields say",
      service({
        model: { ...model, env: [{ name: "PIPELINE_PARALLEL_SIZE", value: "2" }] },
        workerSpec: { containers: [container("a"), container("b")] },
      }),
      [
        "spec.predictor.workerSpec.containers: expected one container, found 2",
        "spec.predictor.model.env[0].name: PIPELINE_PARALLEL_SIZE cannot be set beside a workerSpec; use its pipelineParallelSize",
      ],
    ],
    [
      "an explainer of nothing",
      service({ model }, { explainer: {} }),
      ["spec.explainer: expected either art or containers, found neither"],
    ],
  ])("%s", (_name, document, expected) => {
    expect(said(document)).toEqual(expected);
  });
});

describe("hostile documents", () => {
  it("are rejected with few problems", () => {
    const wide = service(Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`storageUri${index}`, 1])));
    expect(problemsOf(wide)).toHaveLength(101);
    expect(problemsOf(wide).at(-1)?.message).toBe("and 49900 more problems");
    expect(said(service({ model: {}, ["x".repeat(100_000)]: 1 })).join().length).toBeLessThan(1000);
    const many = service({ containers: Array.from({ length: 20_000 }, () => ({ storageUri: "x" })) });
    expect(problemsOf(many)).toHaveLength(101);
  });

  it.each<[string, unknown, string]>([
    ["a prototype", JSON.parse('{"kind": "InferenceService", "__proto__": {"spec": {}}}'), "__proto__: this key is not allowed"],
    ["nothing", undefined, ": expected JSON, found a value of type undefined"],
    ["text", "x", ': expected a resource with apiVersion, kind, metadata and spec, found "x"'],
    ["a date", { kind: new Date(0) }, "kind: expected plain text, numbers, lists and maps"],
    [
      "a number without end",
      service({ minReplicas: Number.NaN }),
      "spec.predictor.minReplicas: infinity and 'not a number' are no JSON; quote it when it is meant as text",
    ],
    [
      "names of Object's own",
      service({ constructor: {}, model: { modelFormat: { name: "x" } } }),
      "spec.predictor.constructor: unknown field",
    ],
    [
      "a kind of Object's own",
      { apiVersion: "serving.kserve.io/v1beta1", kind: "constructor" },
      'kind: expected one of InferenceService, ServingRuntime, ClusterServingRuntime, TrainedModel, found "constructor"',
    ],
  ])("are rejected: %s", (_name, document, expected) => {
    expect(said(document)).toEqual([expected]);
  });

  it("are rejected when they are deep", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = [deep];
    expect(said(service(deep))).toEqual(["spec.predictor[0]: nested more than 64 levels deep"]);
  });
});
