import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../core/inference.ts";
import type { ObjectMetadata } from "../core/resource.ts";
import { toInferenceService } from "./inference-service.ts";
import { readDocuments } from "./read-documents.ts";
import { toServingRuntime } from "./serving-runtime.ts";
import type { ValidDocument } from "./valid-document.ts";
import { validateDocument } from "./validate-document.ts";

const folder = fileURLToPath(new URL("../../testdata/resources/valid", import.meta.url));

function read(file: string): readonly ValidDocument[] {
  return readDocuments(readFileSync(join(folder, file), "utf8"), file).map(({ value }) => validateDocument(value));
}

function stored({ metadata }: Pick<ValidDocument, "metadata">): ObjectMetadata {
  return { ...metadata, uid: "1", generation: 1, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
}

function predictorOf(predictor: JsonObject): ReturnType<typeof toInferenceService> {
  return toInferenceService({ metadata: stored({ metadata: { name: "a", namespace: "default" } }), spec: { predictor } });
}

const ONE_REPLICA = {
  least: 1,
  most: 1,
  metric: "concurrency",
  target: 100,
  utilization: 0.7,
  windowMs: 60_000,
  panicWindowMs: 6_000,
  panicThreshold: 2,
  scaleDownDelayMs: 0,
  notes: [],
};

describe("toInferenceService", () => {
  it("sees one model in both forms", () => {
    const [model, legacy] = ["model.yaml", "legacy.yaml"].map((file) =>
      read(file).map((document) => {
        const { name, predictor } = toInferenceService({ metadata: stored(document), spec: document.spec });
        return `${name}: ${predictor.model?.format.name} ${predictor.model?.protocolVersion ?? "any"}`;
      }),
    );
    expect(model).toEqual([
      "iris: sklearn any",
      "iris-boosted: xgboost v2",
      "digits: onnx any",
      "prices: lightgbm any",
      "repository: triton v2",
    ]);
    expect(legacy).toEqual([
      "iris: sklearn any",
      "iris-boosted: xgboost v2",
      "digits: onnx v2",
      "prices: lightgbm any",
      "repository: triton grpc-v2",
    ]);
  });

  it("reads what is in effect", () => {
    const [, document] = read("model.yaml");
    expect(document && toInferenceService({ metadata: stored(document), spec: document.spec })).toEqual({
      namespace: "flowers",
      name: "iris-boosted",
      labels: expect.anything(),
      annotations: { "serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "none" },
      predictor: {
        model: {
          format: { name: "xgboost", version: "2" },
          storageUri: "s3://models/iris/xgboost",
          runtime: "kserve-xgbserver",
          protocolVersion: "v2",
          environment: { NTHREAD: "4", EMPTY: "" },
          settings: {},
          device: { kind: "count", count: 1, asked: "nvidia.com/gpu: 1" },
        },
        minReplicas: 0,
        residency: { kind: "on-demand" },
        scaling: { ...ONE_REPLICA, least: 0 },
        multiNode: false,
        pod: document?.spec.predictor,
      },
      scheduling: {},
      notInEffect: [
        "spec.predictor.model.env[2].valueFrom",
        "spec.predictor.model.resources.limits.cpu",
        "spec.predictor.model.resources.limits.memory",
        "spec.predictor.model.resources.requests.cpu",
        "spec.predictor.model.resources.requests.memory",
      ],
      notInEffectOfServer: [],
    });
  });

  it("says of everything else that it is not in effect", () => {
    const [document] = read("everything.yaml");
    const { predictor, notInEffect, notInEffectOfServer } = toInferenceService({
      metadata: stored(document as ValidDocument),
      spec: (document as ValidDocument).spec,
    });
    expect(predictor).toMatchObject({
      model: { format: { name: "sklearn" }, storageUri: "gs://models/iris", environment: {}, settings: {} },
      minReplicas: 2,
      residency: { kind: "pinned" },
      scaling: { ...ONE_REPLICA, least: 2, most: 4, metric: "rps", target: 10 },
      multiNode: true,
    });
    expect(notInEffect).toEqual([
      "spec.explainer",
      "spec.predictor.containers",
      "spec.predictor.logger",
      "spec.predictor.model.readinessProbe",
      "spec.predictor.model.volumeMounts",
      "spec.predictor.nodeSelector",
      "spec.predictor.serviceAccountName",
      "spec.predictor.volumes",
      "spec.predictor.workerSpec.pipelineParallelSize",
      "spec.transformer",
    ]);
    expect(notInEffectOfServer).toEqual([
      "spec.explainer",
      "spec.predictor.containers[0]",
      "spec.predictor.logger",
      "spec.predictor.nodeSelector",
      "spec.predictor.serviceAccountName",
      "spec.transformer",
    ]);
  });

  it("sees no model in custom containers", () => {
    const [, document] = read("everything.yaml");
    expect(document && toInferenceService({ metadata: stored(document), spec: document.spec })).toMatchObject({
      predictor: { model: undefined, minReplicas: 1, residency: { kind: "preferred" }, scaling: ONE_REPLICA, multiNode: false },
      notInEffect: [],
    });
  });

  it("says what servers of their own do not get", () => {
    const context = {
      privileged: true,
      allowPrivilegeEscalation: false,
      runAsUser: 5,
      capabilities: { add: ["SYS_ADMIN"], drop: ["ALL"] },
    };
    const resources = { requests: { cpu: 1 }, limits: { memory: "1Gi" } };
    const container = { name: "kserve-container", image: "i", securityContext: context, resources, lifecycle: { preStop: {} } };
    const predictor = { containers: [{ name: "first", image: "j" }, container], initContainers: [container], priority: 5 };
    expect(predictorOf(predictor).notInEffect).toEqual([
      "spec.predictor.containers[0]",
      "spec.predictor.containers[1].lifecycle",
      "spec.predictor.containers[1].resources.requests.cpu",
      "spec.predictor.containers[1].securityContext.capabilities.add",
      "spec.predictor.containers[1].securityContext.privileged",
      "spec.predictor.initContainers",
      "spec.predictor.priority",
    ]);
  });

  it.each([
    ["sklearn", undefined],
    ["xgboost", undefined],
    ["tensorflow", undefined],
    ["pytorch", undefined],
    ["pmml", undefined],
    ["lightgbm", undefined],
    ["paddle", undefined],
    ["triton", "v2"],
    ["onnx", "v2"],
    ["huggingface", "v2"],
  ])("gives %s under its own key KServe's protocol: %s", (key, protocol) => {
    expect(predictorOf({ [key]: { storageUri: "x" } }).predictor.model).toEqual({
      format: { name: key },
      storageUri: "x",
      environment: {},
      settings: {},
      ...(protocol === undefined ? {} : { protocolVersion: protocol }),
    });
    expect(predictorOf({ [key]: { protocolVersion: "v1", runtimeVersion: "1", resources: {} } })).toMatchObject({
      predictor: { model: { protocolVersion: "v1" } },
      notInEffect: [`spec.predictor.${key}.runtimeVersion`],
    });
  });

  it("counts one replica as in effect, and takes the last of two variables", () => {
    expect(
      predictorOf({
        minReplicas: 1,
        model: {
          modelFormat: { name: "vLLM" },
          env: [
            { name: "A", value: "1" },
            { name: "A", value: "2" },
          ],
        },
      }),
    ).toMatchObject({
      predictor: { minReplicas: 1, model: { protocolVersion: "v2", environment: { A: "2" } } },
      notInEffect: [],
    });
  });
});

describe("toServingRuntime", () => {
  it("reads what selection and hosts need", () => {
    const documents = read("runtimes.yaml");
    const runtimes = documents.map((document) => toServingRuntime({ ...document, metadata: stored(document) }));
    expect(runtimes).toEqual([
      {
        name: "own.runtime",
        namespace: "default",
        formats: [
          { name: "own", version: "1", autoSelect: true, priority: 2 },
          { name: "sklearn", autoSelect: false },
        ],
        protocolVersions: [],
        multiModel: true,
        disabled: false,
        multiNode: false,
        creationTimestamp: "2026-01-01T00:00:00Z",
        host: undefined,
        pod: { annotations: {}, spec: documents[0]?.spec },
        image: "example/runtime:latest",
      },
      {
        name: "many-machines",
        namespace: undefined,
        formats: [],
        protocolVersions: ["v2", "grpc-v2"],
        multiModel: false,
        disabled: true,
        multiNode: true,
        creationTimestamp: "2026-01-01T00:00:00Z",
        host: "node",
        image: "example/first",
      },
    ]);
  });
});
