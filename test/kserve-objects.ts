import type { FakeObject } from "./fake-control-api.ts";

interface Changes {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** An InferenceService that serves; created five minutes before the time of the fake terminal. */
export function service(name: string, { metadata = {}, spec, status = {} }: Changes = {}): FakeObject {
  const { namespace = "default" } = metadata as { namespace?: string };
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, uid: `uid-${name}`, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z", ...metadata, namespace },
    spec: spec ?? { predictor: { model: { modelFormat: { name: "sklearn", version: "1" }, storageUri: `file:///models/${name}` } } },
    status: {
      observedGeneration: 1,
      url: `http://127.0.0.1:8080/serving/${namespace}/${name}`,
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:01:00Z" }],
      modelStatus: { transitionStatus: "UpToDate", states: { activeModelState: "Loaded", targetModelState: "Loaded" } },
      clusterServingRuntimeName: "kserve-sklearnserver",
      ...status,
    },
  };
}

/** What is different in the status of a service whose model cannot be loaded. */
export const FAILED = {
  conditions: [
    { type: "PredictorReady", status: "False", reason: "ModelLoadFailed", lastTransitionTime: "2026-01-01T00:01:00Z" },
    { type: "Ready", status: "False", reason: "PredictorNotReady", lastTransitionTime: "2026-01-01T00:01:00Z" },
  ],
  modelStatus: {
    transitionStatus: "BlockedByFailedLoad",
    states: { activeModelState: "", targetModelState: "FailedToLoad" },
    copies: { totalCopies: 1, failedCopies: 1 },
    lastFailureInfo: {
      reason: "ModelLoadFailed",
      message: "the pickle was made with scikit-learn 2.0\nLast lines of the log:\n  ModuleNotFoundError: no module named 'sklearn.new'",
      time: "2026-01-01T00:01:00Z",
      exitCode: 1,
    },
  },
};

/** A TrainedModel that serves, unless its readiness is something else. */
export function trainedModel(name: string, ready: Readonly<Record<string, unknown>> = { status: "True" }): FakeObject {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "TrainedModel",
    metadata: { name, namespace: "default", uid: `uid-${name}`, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { inferenceService: "holder", model: { storageUri: `file:///models/${name}`, framework: "sklearn", memory: "256Mi" } },
    status: {
      observedGeneration: 1,
      url: `http://127.0.0.1:8080/serving/default/${name}/v1/models/${name}:predict`,
      conditions: [{ type: "Ready", ...ready, lastTransitionTime: "2026-01-01T00:01:00Z" }],
      modelStatus: {
        states: {
          activeModelState: ready.status === "True" ? "Loaded" : "",
          targetModelState: ready.status === "True" ? "Loaded" : "FailedToLoad",
        },
      },
    },
  };
}

export function clusterRuntime(name: string, spec: Readonly<Record<string, unknown>> = {}): FakeObject {
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ClusterServingRuntime",
    metadata: { name, generation: 1, creationTimestamp: "1970-01-01T00:00:00Z", annotations: { "nitrous/host": "python" } },
    spec: {
      supportedModelFormats: [
        { name: "sklearn", version: "1", autoSelect: true, priority: 1 },
        { name: "xgboost", version: "1" },
        { name: "xgboost", version: "2", autoSelect: true },
      ],
      protocolVersions: ["v1", "v2"],
      containers: [{ name: "kserve-container", image: "nitrous" }],
      ...spec,
    },
  };
}

export function namespaceRuntime(name: string, namespace = "default"): FakeObject {
  const { spec } = clusterRuntime(name);
  return {
    apiVersion: "serving.kserve.io/v1alpha1",
    kind: "ServingRuntime",
    metadata: { name, namespace, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { ...(spec as object), disabled: true, protocolVersions: [] },
  };
}

export function event(name: string, reason: string, message: string, type = "Normal"): unknown {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name}.${reason}`, namespace: "default", creationTimestamp: "2026-01-01T00:01:00Z" },
    involvedObject: { kind: "InferenceService", namespace: "default", name },
    type,
    reason,
    message,
    lastTimestamp: "2026-01-01T00:01:00Z",
    eventTime: null,
  };
}
