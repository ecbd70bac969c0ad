import { z } from "zod";
import { containers, environment } from "./container.ts";
import { PROTOCOL_VERSIONS } from "./inference-service.ts";
import { annotations, dnsLabel, labels, metadata, runtimeName } from "./metadata.ts";
import { commonPodFields, parallelSizes } from "./pod.ts";
import { fields, flag, listOf, oneOf, type Shape, someText, text, wholeNumber } from "./terms.ts";

const podFields: Shape = { ...commonPodFields, labels, annotations };

const spec = fields(
  { containers },
  {
    supportedModelFormats: listOf(fields({ name: someText }, { version: text, autoSelect: flag, priority: wholeNumber(1) })),
    multiModel: flag,
    disabled: flag,
    protocolVersions: listOf(oneOf(...PROTOCOL_VERSIONS)),
    ...podFields,
    workerSpec: fields({ containers }, { ...podFields, ...parallelSizes }),
    // What follows is ModelMesh's.
    grpcEndpoint: text,
    grpcDataEndpoint: text,
    grpcMultiModelManagementEndpoint: text,
    httpDataEndpoint: text,
    replicas: wholeNumber(0, 65535),
    storageHelper: fields({}, { disabled: flag }),
    builtInAdapter: fields(
      {},
      {
        serverType: oneOf("triton", "mlserver", "ovms"),
        runtimeManagementPort: wholeNumber(0, 65535),
        memBufferBytes: wholeNumber(0),
        modelLoadingTimeoutMillis: wholeNumber(0),
        env: environment,
      },
    ),
  },
);

function runtime(kind: string, more: Shape): z.ZodObject {
  const identity = { apiVersion: oneOf("serving.kserve.io/v1alpha1"), kind: oneOf(kind), metadata: metadata(runtimeName, more) };
  return fields({ ...identity, spec }, { status: z.unknown() });
}

export const servingRuntimeSchema = runtime("ServingRuntime", { namespace: dnsLabel });
export const clusterServingRuntimeSchema = runtime("ClusterServingRuntime", {});
