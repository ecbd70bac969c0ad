import { describe, expect, it } from "vitest";
import type { ContainerSpec } from "../../core/container.ts";
import type { InferenceService, ServingRuntime } from "../../core/resource.ts";
import type { UpstreamSpec } from "../../core/upstream.ts";
import { toInferenceService } from "../inference-service.ts";
import { readDocument } from "../read-documents.ts";
import { toServingRuntime } from "../serving-runtime.ts";
import { validateDocument } from "../validate-document.ts";
import type { ContainerPlaces } from "./read-container.ts";
import { hasOwnServer, readUpstream, serverNeeds } from "./read-upstream.ts";

const NOWHERE: ContainerPlaces = { artefact: undefined, claims: new Map(), runAs: "auto" };

function serviceOf(predictor: string, metadata = "name: iris"): InferenceService {
  const text = `apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {${metadata}}\nspec:\n  predictor: ${predictor}`;
  return toInferenceService(validateDocument(readDocument(text, "test")));
}

function runtimeOf(spec: string, metadata = "name: own"): ServingRuntime {
  const text = `apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {${metadata}}\nspec: ${spec}`;
  return toServingRuntime(validateDocument(readDocument(text, "test")));
}

function read(service: InferenceService, runtime?: ServingRuntime, places: Partial<ContainerPlaces> = {}): UpstreamSpec {
  return readUpstream(service, runtime, { ...NOWHERE, ...places });
}

function containerOf({ place }: UpstreamSpec): ContainerSpec {
  if (place.kind !== "container") throw new Error("it is elsewhere");
  return place.container;
}

const MODEL = "{ model: { modelFormat: { name: custom-format }, storageUri: /models/iris } }";

/** The one of KServe's page about custom runtimes. */
const PAGE = `
  supportedModelFormats: [{ name: custom-format, version: "1", autoSelect: true }]
  containers:
    - name: kserve-container
      image: my-registry/custom-runtime:latest
      ports: [{ containerPort: 8080, protocol: TCP }]
      env:
        - { name: MODEL_NAME, value: "{{.Name}}" }
        - { name: MODEL_PATH, value: /opt/model }
      resources: { requests: { cpu: 1, memory: 2Gi }, limits: { cpu: 2, memory: 4Gi } }
      livenessProbe: { httpGet: { path: /health/live, port: 8080 }, initialDelaySeconds: 30 }
      readinessProbe: { httpGet: { path: /health/ready, port: 8080 }, initialDelaySeconds: 10 }`;

/** Triton of KServe, as far as it matters. */
const TRITON = `
  annotations: { prometheus.kserve.io/port: "8002", prometheus.kserve.io/path: /metrics }
  supportedModelFormats: [{ name: triton, version: "2" }]
  protocolVersions: [v2, grpc-v2]
  containers:
    - name: kserve-container
      image: kserve-tritonserver:replace
      args: [tritonserver, --model-store=/mnt/models, --grpc-port=9000, --http-port=8080]
      securityContext: { runAsUser: 1000, privileged: false }`;

describe("readUpstream", () => {
  it("reads KServe's page", () => {
    const artefact = { path: "/models/iris", isFolder: true };
    expect(read(serviceOf(MODEL), runtimeOf(PAGE), { artefact })).toEqual({
      runtime: "own",
      place: {
        kind: "container",
        container: {
          image: "my-registry/custom-runtime:latest",
          imagePullPolicy: "Always",
          command: [],
          arguments: [],
          workingDirectory: undefined,
          environment: [
            { name: "MODEL_NAME", value: "iris" },
            { name: "MODEL_PATH", value: "/opt/model" },
            { name: "INFERENCE_SERVICE_NAME", value: "iris" },
          ],
          ports: [{ name: undefined, number: 8080 }],
          mounts: [{ path: "/mnt/models", readOnly: true, source: { kind: "folder", path: "/models/iris" } }],
          resources: { memoryRequest: 2 ** 31, memoryLimit: 2 ** 32, processorLimit: 2, diskLimit: undefined, devices: {} },
          startupProbe: undefined,
          readinessProbe: {
            action: { kind: "http", port: 8080, path: "/health/ready", secure: false, headers: [] },
            initialDelayMs: 10_000,
            periodMs: 10_000,
            timeoutMs: 1_000,
            successThreshold: 1,
            failureThreshold: 3,
          },
          livenessProbe: expect.objectContaining({ initialDelayMs: 30_000 }),
          terminationGraceMs: 30_000,
          network: "private",
          user: undefined,
          group: undefined,
        },
      },
      protocols: [{ protocol: "v1", port: 8080 }],
      modelName: "iris",
      concurrency: 32,
      batchable: false,
      shared: false,
      metrics: undefined,
    });
  });

  it("reads KServe's Triton, with what a service says beside it", () => {
    const service = serviceOf(`{ containerConcurrency: 4, batcher: { maxBatchSize: 8 }, terminationGracePeriodSeconds: 5, hostNetwork: true,
      model: { modelFormat: { name: triton }, storageUri: /m, protocolVersion: grpc-v2, runtimeVersion: "24.1", args: [--strict],
        ports: [{ containerPort: 9000, name: h2c }] } }`);
    const upstream = read(service, runtimeOf(TRITON, "name: kserve-tritonserver"), { artefact: { path: "/m/a.onnx", isFolder: false } });
    expect(upstream).toMatchObject({
      protocols: [
        { protocol: "grpc-v2", port: 9000 },
        { protocol: "v2", port: 8080 },
      ],
      concurrency: 4,
      batchable: true,
      metrics: { port: 8002, path: "/metrics" },
    });
    expect(containerOf(upstream)).toMatchObject({
      image: "kserve-tritonserver:24.1",
      imagePullPolicy: "IfNotPresent",
      arguments: ["tritonserver", "--model-store=/mnt/models", "--grpc-port=9000", "--http-port=8080", "--strict"],
      mounts: [{ path: "/mnt/models/a.onnx" }],
      ports: [
        { name: "h2c", number: 9000 },
        { name: undefined, number: 8080 },
        { name: undefined, number: 8002 },
      ],
      readinessProbe: { action: { kind: "tcp", port: 9000 } },
      terminationGraceMs: 5_000,
      network: "host",
      user: 1000,
    });
  });

  it.each([
    ["{ containers: [{ name: a, image: i }] }", "name: r", ["v1:8080"]],
    ["{ protocolVersions: [v1, v2, grpc-v2], containers: [{ name: a, image: i }] }", "name: r", ["v1:8080", "v2:8080"]],
    [
      "{ protocolVersions: [v2, grpc-v2], containers: [{ name: a, image: i, ports: [{ containerPort: 80 }, { containerPort: 9000 }] }] }",
      "name: r",
      ["v2:80", "grpc-v2:9000"],
    ],
    ["{ protocolVersions: [grpc-v2], containers: [{ name: a, image: i, ports: [{ containerPort: 81 }] }] }", "name: r", ["grpc-v2:81"]],
    ["{ containers: [{ name: a, image: i, ports: [{ containerPort: 81, name: grpc }] }] }", "name: r", ["grpc-v2:81"]],
    ["{ protocolVersions: [v1, grpc-v1], containers: [{ name: a, image: i }] }", "name: r", ["v1:8080"]],
    ["{ containers: [{ name: a, image: i, ports: [{ containerPort: 81, name: metrics }, { containerPort: 82 }] }] }", "name: r", ["v1:82"]],
    ["{ containers: [{ name: a, image: i }] }", 'name: r, annotations: { nitrous/openai: "true" }', ["openai:8080"]],
    ["{ containers: [{ name: a, image: i }] }", "name: kserve-vllmserver", ["openai/v1:8080"]],
    [
      "{ protocolVersions: [v2, v1], containers: [{ name: a, image: i }] }",
      "name: kserve-huggingfaceserver",
      ["v1:8080", "v2:8080", "openai/openai/v1:8080"],
    ],
    [
      "{ protocolVersions: [v1], containers: [{ name: a, image: i }] }",
      'name: r, annotations: { nitrous/protocols: "openai, v2" }',
      ["openai:8080", "v2:8080"],
    ],
    [
      "{ httpDataEndpoint: port:81, grpcDataEndpoint: port:82, protocolVersions: [v2, grpc-v2], containers: [{ name: a, image: i }] }",
      "name: r",
      ["v2:81", "grpc-v2:82"],
    ],
  ])("finds what %s (%s) speaks", (spec, metadata, expected) => {
    const { protocols } = read(serviceOf(MODEL), runtimeOf(spec, metadata));
    expect(protocols.map(({ protocol, path = "", port }) => `${protocol}${path}:${port}`)).toEqual(expected);
  });

  it.each([
    ["image: i", {}, undefined, { image: "i", command: [] }],
    ["image: i, command: [run]", {}, undefined, { image: undefined, command: ["run"] }],
    ["command: [run], args: ['$(INFERENCE_SERVICE_NAME)']", {}, undefined, { image: undefined, arguments: ["iris"] }],
    ["image: i, command: [run]", {}, "container", { image: "i", command: ["run"] }],
    ["image: i, args: [serve, --x]", {}, "process", { image: undefined, command: ["serve"], arguments: ["--x"] }],
    ["image: i, command: [run]", { runAs: "container" }, undefined, { image: "i" }],
    ["image: i, command: [run]", { runAs: "container" }, "process", { image: undefined }],
  ] as const)("runs %s with %j, annotated %s, as %j", (container, places, annotated, expected) => {
    const metadata = annotated === undefined ? "name: r" : `name: r, annotations: { nitrous/run-as: ${annotated} }`;
    const runtime = runtimeOf(`{ containers: [{ name: a, ${container} }] }`, metadata);
    expect(containerOf(read(serviceOf(MODEL), runtime, places))).toMatchObject(expected);
  });

  it.each([
    [
      "{ containers: [{ name: a }] }",
      {},
      /the container of the runtime own is to run as a process and names no command; add command, or image/,
    ],
    ["{ containers: [{ name: a, command: [x] }] }", { runAs: "container" }, /names no image; add image/],
    ["{ containers: [{ name: a, image: i, args: [--x] }] }", { runAs: "process" }, /nitrous\/run-as: container/],
    ["{ protocolVersions: [grpc-v1], containers: [{ name: a, image: i }] }", {}, /the runtime own speaks grpc-v1/],
    ["{ containers: [{ name: a, image: '{{.Labels.image}}' }] }", {}, /the service has no label image/],
    [
      "{ containers: [{ name: a, image: i, readinessProbe: { tcpSocket: { port: web } } }] }",
      {},
      /readinessProbe\.tcpSocket names the port web/,
    ],
    ["{ containers: [{ name: a, image: i, resources: { limits: { nvidia.com/gpu: 500m } } }] }", {}, /expected a whole number of nvidia/],
    [
      "{ containers: [{ name: a, image: i, volumeMounts: [{ name: v, mountPath: /mnt/models }] }], volumes: [{ name: v, emptyDir: {} }] }",
      { artefact: { path: "/m", isFolder: true } },
      /mounted at \/mnt\/models, where the model/,
    ],
  ] as const)("refuses %s with %j", (spec, places, message) => {
    expect(() => read(serviceOf(MODEL), runtimeOf(spec), places)).toThrow(message);
  });

  it("fills in what KServe knows of its own servers", () => {
    const spec =
      '{ protocolVersions: [v2], containers: [{ name: kserve-container, image: i, env: [{ name: CLASS, value: "{{.Labels.modelClass}}" }] }] }';
    const service = serviceOf("{ model: { modelFormat: { name: xgboost }, storageUri: /m } }");
    expect(containerOf(read(service, runtimeOf(spec, "name: kserve-mlserver"))).environment).toEqual([
      { name: "CLASS", value: "mlserver_xgboost.XGBoostModel" },
      { name: "MLSERVER_MODEL_NAME", value: "iris" },
      { name: "MLSERVER_MODEL_URI", value: "/mnt/models" },
      { name: "INFERENCE_SERVICE_NAME", value: "iris" },
    ]);
    const torch =
      '{ protocolVersions: [v1, v2], containers: [{ name: kserve-container, image: i, env: [{ name: E, value: "{{.Labels.serviceEnvelope}}" }] }] }';
    const asked = serviceOf("{ model: { modelFormat: { name: pytorch }, protocolVersion: v2, storageUri: /m } }");
    const upstream = read(asked, runtimeOf(torch, "name: kserve-torchserve"));
    expect(upstream.protocols.map(({ protocol }) => protocol)).toEqual(["v2", "v1"]);
    expect(containerOf(upstream).environment).toMatchObject([{ value: "kservev2" }, { name: "PROTOCOL_VERSION", value: "v2" }, {}]);
  });

  it("reads predictors of containers", () => {
    const service = serviceOf(`{ volumes: [{ name: c, emptyDir: {} }], securityContext: { runAsGroup: 5 }, containers: [
      { name: helper, image: h }, { name: kserve-container, image: own:1, env: [{ name: PROTOCOL, value: v2 }, { name: STORAGE_URI, value: "pvc://m/x" }],
        args: ["--model_name", "other", "{{ not a template }}"], volumeMounts: [{ name: c, mountPath: /cache }] }] }`);
    expect(hasOwnServer(service, undefined)).toBe(true);
    expect(serverNeeds(service, undefined)).toEqual({ storageUri: "pvc://m/x", claims: [] });
    const upstream = read(service);
    expect(upstream).toMatchObject({ runtime: "iris", modelName: "other", protocols: [{ protocol: "v2", port: 8080 }] });
    expect(containerOf(upstream)).toMatchObject({ image: "own:1", group: 5, mounts: [{ path: "/cache" }] });
    expect(service.notInEffect).toEqual(["spec.predictor.containers[0]"]);
  });

  it("asks servers elsewhere", () => {
    const at = (url: string, more = ""): string => `name: iris, annotations: { nitrous/url: "${url}"${more} }`;
    const plain = serviceOf(MODEL, at("http://10.0.0.5:81/base"));
    expect(hasOwnServer(plain, undefined)).toBe(true);
    expect(serverNeeds(plain, undefined)).toEqual({ storageUri: undefined, claims: [] });
    expect(read(plain)).toMatchObject({
      runtime: "iris",
      place: { kind: "elsewhere", url: "http://10.0.0.5:81/base" },
      protocols: [{ protocol: "v1", port: 81 }],
    });
    expect(read(serviceOf(MODEL, at("grpc://host:9000"))).protocols).toEqual([{ protocol: "grpc-v2", port: 9000 }]);
    const named = serviceOf(MODEL, at("https://llm.example", ', nitrous/openai: "true", nitrous/model-name: llama'));
    expect(read(named)).toMatchObject({ modelName: "llama", protocols: [{ protocol: "openai", port: 443 }] });
    const v2 = serviceOf("{ model: { modelFormat: { name: x }, protocolVersion: v2 } }", at("http://h"));
    expect(read(v2).protocols).toEqual([{ protocol: "v2", port: 80 }]);
    const ours = runtimeOf("{ containers: [] }", at("http://h:82", ', nitrous/protocols: "v1,v2"'));
    expect(read(serviceOf(MODEL), ours)).toMatchObject({
      place: { url: "http://h:82" },
      protocols: [{ protocol: "v1" }, { protocol: "v2" }],
    });
  });

  it("makes the server of several models for none of them", () => {
    const runtime = runtimeOf(
      `{ multiModel: true, protocolVersions: [v2], containers: [{ name: m, image: i, args: ["--model_name={{.Name}}"] }] }`,
    );
    const service = serviceOf(
      "{ model: { modelFormat: { name: sklearn }, runtime: own, image: other, args: [--x] } }",
      "name: iris, annotations: { nitrous/run-as: process }",
    );
    const upstream = read(service, runtime);
    expect(upstream).toMatchObject({ shared: true, modelName: "iris" });
    expect(containerOf(upstream)).toMatchObject({ image: "i", arguments: ["--model_name=own"] });
  });

  it("says which claims it mounts", () => {
    const runtime = runtimeOf(
      "{ containers: [{ name: a, image: i, volumeMounts: [{ name: v, mountPath: /d }] }], volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }] }",
    );
    expect(serverNeeds(serviceOf(MODEL), runtime)).toEqual({ storageUri: "/models/iris", claims: ["data"] });
    expect(containerOf(read(serviceOf(MODEL), runtime, { claims: new Map([["data", "/srv"]]) })).mounts).toMatchObject([
      { source: { path: "/srv" } },
    ]);
  });
});
