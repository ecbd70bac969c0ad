import { annotations, labels } from "./metadata.ts";
import { podFields } from "./pod.ts";
import {
  anyMap,
  fields,
  listOf,
  mapOf,
  numberOrPercentage,
  oneOf,
  pattern,
  quantity,
  type Shape,
  someText,
  text,
  texts,
  wholeNumber,
} from "./terms.ts";

const count = wholeNumber(0);

const target = fields(
  { type: oneOf("Utilization", "Value", "AverageValue") },
  { value: quantity, averageValue: quantity, averageUtilization: count },
);

const metrics = listOf(
  fields(
    { type: oneOf("Resource", "External", "PodMetric") },
    {
      resource: fields({ name: oneOf("cpu", "memory"), target }),
      external: fields(
        { metric: fields({ backend: oneOf("prometheus", "graphite") }, { serverAddress: text, query: text, namespace: text }), target },
        { authenticationRef: fields({ authenticationRef: fields({ name: someText }) }, { authModes: text }) },
      ),
      podmetric: fields({
        metric: fields(
          { backend: oneOf("opentelemetry") },
          { serverAddress: text, metricNames: texts, query: text, operationOverTime: text },
        ),
        target,
      }),
    },
  ),
);

export const storageFields: Shape = { path: text, parameters: mapOf(text), key: text };

const logger = fields(
  { mode: oneOf("all", "request", "response") },
  {
    url: text,
    metadataHeaders: texts,
    metadataAnnotations: texts,
    storage: fields({ path: text, parameters: mapOf(text), key: text }, { serviceAccountName: text }),
    marshallerUrl: text,
    batchSize: wholeNumber(1),
    batchInterval: text,
  },
);

/** What predictors, transformers and explainers have in common, besides their pods. */
const extensionFields: Shape = {
  minReplicas: count,
  maxReplicas: count,
  scaleTarget: count,
  scaleMetric: oneOf("cpu", "memory", "concurrency", "rps"),
  scaleMetricType: oneOf("Utilization", "Value", "AverageValue"),
  autoScaling: fields({}, { metrics, behavior: anyMap }),
  containerConcurrency: count,
  timeout: count,
  canaryTrafficPercent: wholeNumber(0, 100),
  logger,
  batcher: fields({}, { maxBatchSize: count, maxLatency: count, timeout: count }),
  labels,
  annotations,
  deploymentStrategy: fields(
    {},
    {
      type: oneOf("Recreate", "RollingUpdate"),
      rollingUpdate: fields({}, { maxSurge: numberOrPercentage, maxUnavailable: numberOrPercentage }),
    },
  ),
};

const mountPath = pattern("an absolute path other than / and without ..", /^\/(?!.*\.\.)./, 255);

export const componentFields: Shape = {
  ...extensionFields,
  storageUris: listOf(fields({ uri: someText }, { mountPath }), 1),
  ...podFields,
};
