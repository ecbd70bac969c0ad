import { firstLine } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { isObject, type JsonObject, jsonReply, namespaceOf } from "../shared/index.ts";
import { integerIn } from "./parameters.ts";
import { modelIn, shownVersion, versionIn } from "./target.ts";

const DEFAULT_LIMIT = 100;
/** What TorchServe calls a worker in each state; in the others there is none. */
const WORKERS: Readonly<Partial<Record<ModelStatus["state"], string>>> = { ready: "READY", loading: "LOADING", draining: "UNLOADING" };

type Models = Pick<ControlPlane, "names" | "versions" | "get" | "resources">;

/** `GET /models`: names and addresses, `limit` of them from `next_page_token` on. */
export function listModels(controlPlane: Models, request: HttpRequest): HttpReply {
  const { query, params } = request;
  const namespace = namespaceOf(request);
  const limit = integerIn(query, "limit", DEFAULT_LIMIT, 1);
  const start = integerIn(query, "next_page_token", 0, 0);
  const names = controlPlane.names(namespace, params.service);
  const models = names.slice(start, start + limit).map((modelName) => ({ modelName, modelUrl: urlOf(controlPlane, namespace, modelName) }));
  const next = start + limit < names.length ? { nextPageToken: String(start + limit) } : {};
  return jsonReply(JSON.stringify({ ...next, models }, undefined, 2));
}

/** `GET /models/{model}` and below: a list with one description for each version that is meant. @throws ServeError NOT_FOUND */
export function describeModel(controlPlane: Models, request: HttpRequest, more: JsonObject = {}): HttpReply {
  const descriptions = versionsMeant(controlPlane, request).map((status) => ({ ...describe(controlPlane, status), ...more }));
  return jsonReply(JSON.stringify(descriptions, undefined, 2));
}

function versionsMeant(controlPlane: Models, request: HttpRequest): readonly ModelStatus[] {
  if (request.params.version === "all") return controlPlane.versions(modelIn(request));
  return [controlPlane.get(versionIn(controlPlane, request))];
}

function describe(controlPlane: Models, status: ModelStatus): object {
  const { namespace, name, state, hostPids, hostBytes, queued, reason } = status;
  const { auto, least, most, wanted } = status.replicas;
  const worker = WORKERS[state];
  const pids = hostPids.length > 0 ? hostPids : [0];
  return {
    modelName: name,
    modelVersion: shownVersion(status),
    modelUrl: urlOf(controlPlane, namespace, name),
    engine: "Torch",
    runtime: "python",
    minWorkers: auto ? least : wanted,
    maxWorkers: auto ? most : wanted,
    workers:
      worker === undefined
        ? []
        : pids.map((pid, index) => ({ id: String(pid), status: worker, memoryUsage: hostBytes[index] ?? 0, pid, gpu: false })),
    jobQueueStatus: { pendingRequests: queued },
    ...(status.answers ? {} : { reason: firstLine(reason) }),
  };
}

/** Where the artefact came from, as its resource says; empty for a model that has none. */
function urlOf({ resources }: Pick<ControlPlane, "resources">, namespace: string, name: string): string {
  const service = resources.list("InferenceService", namespace).items.find(({ metadata }) => metadata.name === name);
  const predictor = service?.spec.predictor;
  if (!isObject(predictor)) return "";
  for (const model of Object.values(predictor)) {
    if (isObject(model) && typeof model.storageUri === "string") return withoutSecrets(model.storageUri);
  }
  return "";
}

/** Queries and user information may hold signatures and passwords. */
function withoutSecrets(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1").replace(/\?.*$/s, "");
}
