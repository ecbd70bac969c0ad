import type { ClientMemory } from "../../../core/client-memory.ts";
import type { Clock } from "../../../core/clock.ts";
import type { GrpcMethod } from "../../../core/grpc.ts";
import type { ControlPlane, DataPlane } from "../../../core/planes.ts";
import type { ApiCategory } from "../../../core/restricted-apis.ts";
import { EXTENSIONS, type Extensions } from "../extensions/extensions.ts";
import { assertAllowed } from "../extensions/restricted.ts";
import { createConfigurationMethod, createStatisticsMethod } from "./extension-methods.ts";
import { createHealthMethods } from "./health.ts";
import { createInferMethod, createStreamInferMethod } from "./infer.ts";
import { createReflectionMethods, SERVICES } from "./reflection.ts";
import { createRepositoryMethods } from "./repository-methods.ts";
import { createMetadataMethods, createReadinessMethods } from "./server-methods.ts";
import { createLogMethod, createTraceMethod } from "./setting-methods.ts";
import { createSharedMemoryMethods } from "./shared-memory.ts";

export interface OipMethodsOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ControlPlane;
  /** Shared memory of clients. */
  readonly memory: ClientMemory;
  readonly clock: Clock;
  readonly serverName: string;
  readonly serverVersion: string;
  readonly extensions: Extensions;
}

/** The Open Inference Protocol over gRPC with Triton's extensions, and gRPC's own health checks and reflection. */
export function createOipMethods(options: OipMethodsOptions): GrpcMethod[] {
  const { dataPlane, controlPlane, memory, clock, extensions } = options;
  const infer = { dataPlane, memory, extensions };
  const of = (category: ApiCategory, ...methods: readonly GrpcMethod[]): GrpcMethod[] => methods.map(inCategory(extensions, category));
  return [
    ...of(
      "health",
      ...createReadinessMethods(controlPlane),
      ...createHealthMethods({ ready: () => controlPlane.ready(), clock, services: SERVICES }),
    ),
    ...of("metadata", ...createMetadataMethods({ ...options, extensions: EXTENSIONS, profile: extensions.profile })),
    ...of("inference", createInferMethod(infer), createStreamInferMethod(infer)),
    ...of("model-config", createConfigurationMethod(controlPlane, extensions)),
    ...of("statistics", createStatisticsMethod(controlPlane, extensions)),
    ...of("model-repository", ...createRepositoryMethods(controlPlane, extensions)),
    ...of("shared-memory", ...createSharedMemoryMethods(memory)),
    ...of("trace", createTraceMethod(controlPlane, extensions)),
    ...of("logging", createLogMethod(extensions)),
    ...createReflectionMethods(),
  ];
}

/** Methods that the operator has restricted need their header, whose name Triton's clients of gRPC put something in front of. */
function inCategory({ restrictions }: Pick<Extensions, "restrictions">, category: ApiCategory): (method: GrpcMethod) => GrpcMethod {
  return (method) => {
    if (!restrictions.has(category)) return method;
    return {
      ...method,
      read(message, call) {
        const { metadata } = call;
        assertAllowed(restrictions, category, (name) => metadata[`triton-grpc-protocol-${name}`] ?? metadata[name]);
        return method.read(message, call);
      },
    };
  };
}
