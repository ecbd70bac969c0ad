import type { Keys } from "./core/access.ts";
import type { ClientMemory } from "./core/client-memory.ts";
import type { Clock } from "./core/clock.ts";
import type { Route } from "./core/http.ts";
import type { ControlPlane, DataPlane } from "./core/planes.ts";
import type { LargeJson } from "./large-json/index.ts";
import type { OpenApiDocument } from "./openapi/index.ts";
import { createHandleRoutes, type HandleRoutesOptions } from "./protocols/handles/index.ts";
import { createV1Routes } from "./protocols/kserve-v1/index.ts";
import { createKubeApiRoutes } from "./protocols/kube-api/index.ts";
import { createMlflowRoutes } from "./protocols/mlflow/index.ts";
import { createOipRoutes, type Extensions } from "./protocols/oip/rest/index.ts";
import { createOpenAiRoutes } from "./protocols/openai/index.ts";
import { createOperationsRoutes, type OperationsOptions } from "./protocols/operations/index.ts";
import { failJson, jsonReply } from "./protocols/shared/index.ts";
import { createTorchServeRoutes } from "./protocols/torchserve/index.ts";
import { readDocument } from "./resources/index.ts";

export interface RoutesOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ControlPlane;
  readonly metrics: OperationsOptions["metrics"];
  readonly top: OperationsOptions["top"];
  readonly shadows: OperationsOptions["shadows"];
  readonly keys: Keys;
  readonly clock: Clock;
  readonly memory: ClientMemory;
  readonly serverName: string;
  /** What the Open Inference Protocol's extensions work with. */
  readonly extensions: Extensions;
  readonly version: string;
  /** For requests of handles, and for their futures. */
  readonly handles: Pick<HandleRoutesOptions, "events" | "requestTimeoutMs" | "futures">;
  /** Absolute path of the folder whose archives TorchServe's clients register by name. */
  readonly modelStore?: string | undefined;
  /** Without it, JSON of any size is read and written in the event loop. */
  readonly largeJson?: Pick<LargeJson, "predict" | "infer"> | undefined;
}

/** Where all routes are found a second time, for one service. */
export const SERVICE_PREFIX = "/serving/{namespace}/{service}";

/** Every route of the port, each with who may call it. What is not here is not answered. */
export function createRoutes({
  dataPlane,
  controlPlane,
  metrics,
  top,
  shadows,
  keys,
  clock,
  memory,
  serverName,
  extensions,
  version,
  handles,
  largeJson,
  modelStore,
}: RoutesOptions): Route[] {
  const routes: Route[] = [
    documentRoute(() => describeRoutes(routes, version)),
    ...createOperationsRoutes({ controlPlane, metrics, top, shadows, clock }),
    ...createHandleRoutes({ ...handles, dataPlane, controlPlane, clock }),
    ...createV1Routes({ dataPlane, controlPlane, large: largeJson?.predict }),
    ...createOipRoutes({ dataPlane, controlPlane, memory, serverName, serverVersion: version, extensions, large: largeJson?.infer }),
    ...createOpenAiRoutes({ dataPlane, controlPlane }),
    ...createTorchServeRoutes({ dataPlane, controlPlane, modelStore }),
    ...createMlflowRoutes({ dataPlane, controlPlane }),
    ...createKubeApiRoutes(controlPlane, { version, clock, readYaml: (text) => readDocument(text, "the body"), keys }),
  ];
  return routes;
}

/** OpenAPI 3.1 of all routes. Loaded when somebody asks: few servers are asked. */
export async function describeRoutes(routes: readonly Route[], version: string): Promise<OpenApiDocument> {
  const { createDocument } = await import("./openapi/index.ts");
  return createDocument(routes, { version, prefix: SERVICE_PREFIX });
}

function documentRoute(describe: () => Promise<OpenApiDocument>): Route {
  let text: Promise<string> | undefined;
  return {
    method: "GET",
    path: "/openapi.json",
    access: "read",
    async handle() {
      text ??= describe().then((document) => `${JSON.stringify(document, undefined, 2)}\n`);
      return jsonReply(await text);
    },
    fail: failJson,
  };
}
