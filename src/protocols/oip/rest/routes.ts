import type { ClientMemory } from "../../../core/client-memory.ts";
import type { HttpReply, HttpRequest, Route } from "../../../core/http.ts";
import type { ControlPlane, DataPlane } from "../../../core/planes.ts";
import { jsonReply, modelsReply, namespaceOf, readinessReply, targetOf } from "../../shared/index.ts";
import { EXTENSIONS, type Extensions } from "../extensions/extensions.ts";
import { extensionRoutes } from "./extension-routes.ts";
import { generate } from "./generate.ts";
import { infer } from "./infer.ts";
import type { LargeInfer } from "./large.ts";
import { methodMetadata, modelMetadata } from "./metadata.ts";
import { repositoryRoutes } from "./repository.ts";
import { aboutModel, asTriton, both, inCategory, question, type RoutePart, unavailableAsUnknown } from "./route-kinds.ts";
import { sharedMemoryRoutes } from "./shared-memory.ts";

export interface OipOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ControlPlane;
  /** Shared memory of clients. */
  readonly memory: ClientMemory;
  readonly serverName: string;
  readonly serverVersion: string;
  readonly extensions: Extensions;
  /** Without it everything is read and written in the event loop. */
  readonly large?: LargeInfer | undefined;
}

/** The Open Inference Protocol over REST, with Triton's extensions. */
export function createOipRoutes(options: OipOptions): Route[] {
  const { controlPlane, memory, extensions } = options;
  return [
    // Before what is said of models: a model may be called "stats".
    ...extensionRoutes(controlPlane, extensions),
    ...healthRoutes(options),
    ...metadataRoutes(options),
    ...inferenceRoutes(options),
    ...repositoryRoutes(controlPlane, extensions),
    ...sharedMemoryRoutes(memory).map(inCategory(extensions, "shared-memory")),
  ];
}

function healthRoutes({ controlPlane, extensions }: OipOptions): Route[] {
  const { healthBodies, notReadyStatus } = extensions.profile;
  const health = (body: string, status = 200): HttpReply => jsonReply(healthBodies ? body : "", status);
  return [
    question("/v2/health/live", "public", () => health('{"live":true}')),
    question("/v2/health/ready", "public", (request) =>
      isReady(controlPlane, request) ? health('{"ready":true}') : health('{"ready":false}', notReadyStatus),
    ),
    ...both("/ready").map((path) =>
      aboutModel(path, async (request) => {
        const status = await controlPlane.readiness(targetOf(request));
        if (healthBodies) return readinessReply(status);
        return status.answers ? health("") : jsonReply('{"error":"Model version not ready"}', notReadyStatus);
      }),
    ),
  ].map(inCategory(extensions, "health"));
}

function metadataRoutes({ controlPlane, serverName, serverVersion, extensions }: OipOptions): Route[] {
  const { unavailableIsUnknown } = extensions.profile;
  const server = JSON.stringify({ name: serverName, version: serverVersion, extensions: EXTENSIONS });
  const described = (request: HttpRequest): ReturnType<ControlPlane["describe"]> => {
    const target = targetOf(request);
    return asTriton(target.name, unavailableIsUnknown, () => controlPlane.describe(target, request.context));
  };
  return [
    question("/v2", "read", () => jsonReply(server)),
    question("/v2/models", "read", (request) => modelsReply(controlPlane, request)),
    ...both("").map((path) =>
      aboutModel(path, async (request) => jsonReply(modelMetadata(await described(request), controlPlane.versions(targetOf(request))))),
    ),
    ...both("/methods/{method}").map((path) =>
      aboutModel(path, async (request) => jsonReply(methodMetadata(await described(request), targetOf(request).method ?? ""))),
    ),
  ].map(inCategory(extensions, "metadata"));
}

function inferenceRoutes(options: OipOptions): Route[] {
  const { dataPlane, extensions } = options;
  const { unavailableIsUnknown } = extensions.profile;
  const inference = (path: string, handle: (request: HttpRequest) => Promise<HttpReply>): RoutePart => ({
    method: "POST",
    path,
    access: "infer",
    target: targetOf,
    protocol: "oip",
    gate(head) {
      const target = targetOf(head);
      try {
        dataPlane.admit(target, head.declaredBytes, head.context);
      } catch (error) {
        throw unavailableIsUnknown ? unavailableAsUnknown(target.name, error) : error;
      }
    },
    handle: unavailableIsUnknown ? (request) => asTriton(request.params.model ?? "", true, () => handle(request)) : handle,
  });
  return [
    ...["/infer", "/methods/{method}/infer"].flatMap(both).map((path) => inference(path, (request) => infer(options, request))),
    ...both("/generate").map((path) => inference(path, (request) => generate(options, false, request))),
    ...both("/generate_stream").map((path) => inference(path, (request) => generate(options, true, request))),
  ].map(inCategory(extensions, "inference"));
}

/** Of the server, or of the one service in the path: of all its models. */
function isReady(controlPlane: ControlPlane, { params, headers }: HttpRequest): boolean {
  if (params.service === undefined) return controlPlane.ready();
  const { service } = params;
  // One that there is not is an error like any other.
  const models = controlPlane.names(namespaceOf({ params, headers }), service);
  const names = models.length === 0 ? [service] : models;
  return names.every((model) => controlPlane.get(targetOf({ params: { ...params, model }, headers })).answers);
}
