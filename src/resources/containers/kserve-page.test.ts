import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { toInferenceService } from "../inference-service.ts";
import { readDocuments } from "../read-documents.ts";
import { toServingRuntime } from "../serving-runtime.ts";
import { validateDocument } from "../validate-document.ts";
import { readUpstream } from "./read-upstream.ts";

const file = fileURLToPath(new URL("../../../testdata/resources/valid/kserve-page-runtimes.yaml", import.meta.url));
const runtimes = readDocuments(readFileSync(file, "utf8"), file).map(({ value }) => toServingRuntime(validateDocument(value)));

const SERVICE = toInferenceService(
  validateDocument({
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name: "iris" },
    spec: { predictor: { model: { modelFormat: { name: "custom-format" }, storageUri: "/models/iris" } } },
  }),
);
const PLACES = { artefact: { path: "/models/iris", isFolder: true }, claims: new Map<string, string>(), runAs: "auto" } as const;

const http = (path: string, initialDelayMs: number): object => ({ action: { kind: "http", port: 8080, path }, initialDelayMs });

it.each([
  ["my-custom-runtime", { container: { image: "my-registry/custom-runtime:latest", resources: { memoryLimit: 2 ** 32 } } }],
  [
    "configured-runtime",
    {
      container: {
        environment: [
          { name: "BATCH_SIZE", value: "32" },
          { name: "TIMEOUT", value: "60" },
          { name: "WORKERS", value: "4" },
          { name: "INFERENCE_SERVICE_NAME", value: "iris" },
        ],
      },
    },
  ],
  [
    "resource-requirements",
    {
      container: {
        resources: {
          memoryRequest: 2 ** 32,
          memoryLimit: 2 ** 33,
          processorLimit: 4,
          diskLimit: undefined,
          devices: { "nvidia.com/gpu": 1 },
        },
      },
    },
  ],
  [
    "volume-mounts",
    {
      container: {
        mounts: [
          { path: "/mnt/models" },
          { path: "/cache", readOnly: false, source: { kind: "empty", sizeLimit: undefined, inMemory: false } },
        ],
      },
    },
  ],
  [
    "multi-model-runtime",
    {
      shared: true,
      protocols: [
        { protocol: "v2", port: 8080 },
        { protocol: "grpc-v2", port: 8081 },
      ],
      container: {
        mounts: [],
        ports: [
          { name: "http1", number: 8080 },
          { name: "grpc", number: 8081 },
        ],
      },
    },
  ],
  ["batching", { batchable: false, container: { environment: [{ value: "32" }, { value: "100ms" }, {}] } }],
  ["gpu-optimization", { container: { resources: { devices: { "nvidia.com/gpu": 1 } } } }],
  ["metrics-endpoints", { protocols: [{ protocol: "v1", port: 8080 }], metrics: { port: 8081, path: "/metrics" } }],
  ["health-checks", { container: { livenessProbe: http("/health/live", 30_000), readinessProbe: http("/health/ready", 10_000) } }],
])("reads the block of KServe's page about %s", (name, expected) => {
  const runtime = runtimes.find((each) => each.name === name);
  if (runtime === undefined) throw new Error(`there is no ${name}`);
  const { place, ...upstream } = readUpstream(SERVICE, runtime, runtime.multiModel ? { ...PLACES, artefact: undefined } : PLACES);
  expect({ ...upstream, ...place }).toMatchObject(expected);
});

it("reads every block", () => {
  expect(runtimes).toHaveLength(9);
});
