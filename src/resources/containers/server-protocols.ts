import { ServeError } from "../../core/errors.ts";
import type { InferenceService, ProtocolVersion, ServingRuntime } from "../../core/resource.ts";
import type { UpstreamEndpoint, UpstreamProtocol } from "../../core/upstream.ts";
import { variableOf } from "../container-rules.ts";
import { lowestProtocol } from "../runtime-question.ts";
import type { ServerAnnotations } from "../server-annotations.ts";
import type { ServerPod } from "./server-pod.ts";
import { HTTP_PORT, type ServerPorts } from "./server-ports.ts";

type Protocol = UpstreamProtocol | ProtocolVersion;

/** What KServe takes a server for that says nothing. */
const DEFAULT: ProtocolVersion = "v1";

/**
 * What the server of a service speaks, the protocol that the service asks for first.
 * @throws ServeError FAILED_PRECONDITION for a server that speaks nothing that this one does
 */
export function endpointsOf(
  { predictor }: InferenceService,
  runtime: ServingRuntime | undefined,
  pod: ServerPod,
  ports: ServerPorts,
  annotations: ServerAnnotations,
): UpstreamEndpoint[] {
  const asked = predictor.model?.protocolVersion ?? pod.type.protocol ?? (runtime === undefined ? undefined : lowestProtocol(runtime));
  const declared = annotations.protocols ?? declaredProtocols(runtime, pod, ports, asked, annotations);
  const openai = annotations.openai ?? pod.type.openai !== undefined;
  const spoken = [...new Set([...declared, ...(openai ? ["openai" as const] : [])])];
  const endpoints = spoken.flatMap((protocol): UpstreamEndpoint[] => {
    const port = portOf(protocol, ports, spoken);
    if (port === undefined || !isKnown(protocol)) return [];
    const path = protocol === "openai" ? pod.type.openai : undefined;
    return [{ protocol, port, ...(path === undefined ? {} : { path }) }];
  });
  if (endpoints.length > 0) return endpoints.sort((left, right) => Number(right.protocol === asked) - Number(left.protocol === asked));
  const who = runtime === undefined ? "the predictor" : `the runtime ${runtime.name}`;
  const hint = "expected one of v1, v2, grpc-v2 and openai; nitrous/protocols says which";
  throw new ServeError("FAILED_PRECONDITION", `${who} speaks ${spoken.join(", ")}, which is not passed on to servers: ${hint}`);
}

function declaredProtocols(
  runtime: ServingRuntime | undefined,
  { container, type }: ServerPod,
  ports: ServerPorts,
  asked: ProtocolVersion | undefined,
  { openai }: ServerAnnotations,
): readonly Protocol[] {
  if (runtime === undefined) {
    const variable = variableOf(container, "PROTOCOL")?.value;
    const isOther = variable === undefined && asked === undefined && (openai === true || isGrpcOnly(ports));
    const http = variable === "v1" || variable === "v2" ? variable : (asked ?? DEFAULT);
    return [...(isOther ? [] : [http]), ...(ports.grpc === undefined ? [] : ["grpc-v2" as const])];
  }
  if (runtime.protocolVersions.length > 0) return runtime.protocolVersions;
  // Its models are loaded through V2's repository extension.
  if (runtime.multiModel) return [...(asked === undefined ? [] : [asked]), "v2", ...(ports.grpc === undefined ? [] : ["grpc-v2" as const])];
  // One that names no protocol has, for KServe, the one that it is asked for.
  if (openai ?? type.openaiOnly) return [];
  return [asked ?? (isGrpcOnly(ports) ? "grpc-v2" : DEFAULT)];
}

function isGrpcOnly({ http, grpc }: ServerPorts): boolean {
  return http === undefined && grpc !== undefined;
}

/** One of gRPC only where the server says that it has it; one of HTTP also where it only says that it has the other. */
function portOf(protocol: Protocol, { http, grpc }: ServerPorts, spoken: readonly Protocol[]): number | undefined {
  if (protocol === "grpc-v2") return grpc ?? (spoken.length === 1 ? http : undefined);
  return http ?? (spoken.includes("grpc-v2") ? undefined : HTTP_PORT);
}

function isKnown(protocol: Protocol): protocol is UpstreamProtocol {
  return protocol !== "grpc-v1";
}
