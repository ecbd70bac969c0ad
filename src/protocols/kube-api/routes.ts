import type { Keys } from "../../core/access.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpMethod, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { type ReadYaml, refuseLargeBody } from "./body.ts";
import { createCoreEndpoints } from "./core-endpoints.ts";
import { createDiscoveryEndpoints } from "./discovery.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { createHistoryEndpoints } from "./history.ts";
import { createKeyEndpoints } from "./keys.ts";
import { createLogEndpoints } from "./logs.ts";
import { createOpenApiEndpoints } from "./openapi.ts";
import { createResourceEndpoints } from "./resource-endpoints.ts";
import { failureReply, methodNotAllowed } from "./status.ts";

export interface KubeApiOptions {
  /** This server's own version. */
  readonly version: string;
  readonly clock?: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock?: () => number;
  readonly readYaml: ReadYaml;
  readonly keys: Keys;
}

const METHODS: readonly HttpMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The control API in Kubernetes' shape, with discovery, core events and namespaces as far as kubectl asks for them, and logs. */
export function createKubeApiRoutes(
  { resources, activity }: Pick<ControlPlane, "resources" | "activity">,
  { version, clock = systemClock, wallClock = Date.now, readYaml, keys }: KubeApiOptions,
): Route[] {
  const endpoints: Endpoints = {
    ...createDiscoveryEndpoints(version),
    ...createOpenApiEndpoints(version),
    ...createCoreEndpoints({ resources, activity, clock, wallClock }),
    ...createResourceEndpoints({ resources, clock, wallClock, readYaml }),
    ...createLogEndpoints(activity),
    ...createHistoryEndpoints(resources),
    ...createKeyEndpoints(keys),
  };
  return Object.entries(endpoints).flatMap(([path, endpoint]) =>
    METHODS.map(
      (method): Route => ({
        method,
        path,
        access: endpoint.access ?? (method === "GET" ? "read" : "admin"),
        ...(endpoint.target === undefined ? {} : { target: endpoint.target }),
        gate: refuseLargeBody,
        openEnded: method === "GET",
        ...(endpoint[method] === undefined ? { refuses: true as const } : {}),
        handle: (request) => answer(endpoint, method, request),
        fail: failureReply,
      }),
    ),
  );
}

async function answer(endpoint: Endpoint, method: HttpMethod, request: HttpRequest): Promise<HttpReply> {
  // A body that came in chunks passed the gate with its size untold.
  refuseLargeBody({ declaredBytes: request.body.byteLength });
  const allowed = METHODS.filter((candidate) => endpoint[candidate] !== undefined);
  const handle = endpoint[method];
  if (handle === undefined) return methodNotAllowed(allowed);
  try {
    return await handle(request);
  } catch (thrown) {
    // What is a fault of this server is told to its operator, which is the server's part.
    if (!(thrown instanceof ServeError) || (thrown.code === "INTERNAL" && thrown.cause !== undefined)) throw thrown;
    return failureReply(thrown, endpoint.subject?.(request));
  }
}
