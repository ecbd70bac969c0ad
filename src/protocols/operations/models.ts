import type { HttpRequest, Route } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { failCoded, isObject, jsonReply, parseJson, targetOf, unexpected, writeJson } from "../shared/index.ts";

/**
 * Everything that is known of a model, for the command line: state, reason, warnings, memory, example. And a model on demand before
 * anybody demands it, or out of the way.
 */
export function createModelRoutes(controlPlane: ControlPlane): Route[] {
  const change = (path: string, work: (request: HttpRequest) => Promise<ModelStatus>): Route => ({
    method: "POST",
    path,
    access: "admin",
    target: targetOf,
    async handle(request) {
      const { name, version, state, reason, memoryBytes, replicas } = await work(request);
      return jsonReply(writeJson({ name, version, state, reason, memoryBytes, replicas } as never));
    },
    fail: failCoded,
  });
  return ["/nitrous/models/{model}", "/nitrous/models/{model}/versions/{version}"].flatMap((path): Route[] => [
    {
      method: "GET",
      path,
      access: "read",
      target: targetOf,
      async handle(request) {
        const { description, ...status } = await controlPlane.describe(targetOf(request), request.context);
        return jsonReply(writeJson({ ...status, ...description } as never));
      },
      fail: failCoded,
    },
    change(`${path}/load`, (request) => controlPlane.load(targetOf(request), request.context)),
    change(`${path}/drain`, (request) => controlPlane.drain(targetOf(request))),
    change(`${path}/evict`, (request) => controlPlane.evict(targetOf(request))),
    change(`${path}/scale`, (request) => controlPlane.scale(targetOf(request), replicasIn(request.body))),
  ]);
}

/** @throws ServeError INVALID_ARGUMENT for a body that is not `{"replicas": 3}` or `{"replicas": "auto"}` */
function replicasIn(bytes: Uint8Array): number | "auto" {
  const body = parseJson(bytes);
  const replicas = isObject(body) ? body.replicas : undefined;
  if (replicas === "auto" || typeof replicas === "number") return replicas;
  throw unexpected("replicas", 'a number or "auto"', replicas);
}
