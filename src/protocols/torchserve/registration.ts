import { firstLine, ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { ControlPlane, Resources, ResourceView } from "../../core/planes.ts";
import type { ResourceKey } from "../../core/resource.ts";
import { describe, isObject, jsonReply, namespaceOf } from "../shared/index.ts";
import { flagIn, integerIn, parametersIn } from "./parameters.ts";
import { modelIn, versionIn } from "./target.ts";

export interface Registrar {
  readonly controlPlane: Pick<ControlPlane, "resources" | "scale" | "versions">;
  /** Absolute path of the folder whose archives are registered by their names alone; undefined when there is none. */
  readonly modelStore?: string | undefined;
}

const TRUST = "nitrous/trust";
const LOADS = "it loads now; this server chooses the number of its workers itself";

/**
 * `POST /models`: an InferenceService for an archive. `trust=code`, which TorchServe does not have, lets code of the archive run.
 * @throws ServeError INVALID_ARGUMENT, ALREADY_EXISTS
 */
export async function registerModel({ controlPlane: { resources }, modelStore }: Registrar, request: HttpRequest): Promise<HttpReply> {
  const parameters = parametersIn(request);
  const storageUri = uriOf(parameters.get("url") ?? "", modelStore);
  const name = parameters.get("model_name") || nameIn(storageUri);
  const namespace = namespaceOf(request);
  const document = documentOf(name, namespace, storageUri, parameters);
  await resources.create({ kind: "InferenceService", namespace }, document).catch((error: unknown) => {
    throw error instanceof ServeError && error.code === "ALREADY_EXISTS"
      ? new ServeError("ALREADY_EXISTS", `Model version 1.0 is already registered for model ${name}`)
      : error;
  });
  const workers = integerIn(parameters, "initial_workers", 0, 0);
  if (flagIn(parameters, "synchronous")) {
    await untilSettled(resources, { kind: "InferenceService", namespace, name }, request.context.signal);
    return statusReply(`Model "${name}" Version: 1.0 registered with 1 initial workers`);
  }
  return workers > 0 ? statusReply("Processing worker updates...", 202) : statusReply(`Model "${name}" Version: 1.0 registered; ${LOADS}`);
}

/** `DELETE /models/{model}`, also with the version of a model that has only that one. @throws ServeError NOT_FOUND, INVALID_ARGUMENT */
export async function unregisterModel({ controlPlane }: Registrar, request: HttpRequest): Promise<HttpReply> {
  const { namespace, name, version } = versionIn(controlPlane, request);
  if (version !== undefined && controlPlane.versions({ namespace, name }).length > 1) {
    const text = `the versions of model ${name} are folders of one artefact: remove the folder of version ${version}, or unregister all of them`;
    throw new ServeError("INVALID_ARGUMENT", text);
  }
  await controlPlane.resources.delete({ kind: "InferenceService", namespace, name });
  return statusReply(`Model "${name}" unregistered`);
}

/**
 * `PUT /models/{model}?min_worker=3`: so many replicas, whatever the load. As in TorchServe the answer comes before they do, unless
 * `synchronous` is true.
 * @throws ServeError NOT_FOUND, INVALID_ARGUMENT, and what `nitrous scale` would say
 */
export async function scaleWorkers({ controlPlane }: Registrar, request: HttpRequest): Promise<HttpReply> {
  const target = versionIn(controlPlane, request);
  if (target.version === undefined) controlPlane.versions(modelIn(request));
  const scaled = controlPlane.scale(target, integerIn(request.query, "min_worker", 1, 0));
  if (flagIn(request.query, "synchronous")) {
    const { replicas } = await scaled;
    return statusReply(`Workers scaled to ${replicas.ready} for model: ${target.name}`);
  }
  // What is wrong with the request is told at once; what goes wrong later is in the model's status.
  await Promise.race([scaled, new Promise((resolve) => setImmediate(resolve))]);
  scaled.catch(() => undefined);
  return statusReply("Processing worker updates...", 202);
}

/** `PUT /models/{model}/{version}/set-default`: the highest version is the default, always. @throws ServeError NOT_FOUND, UNIMPLEMENTED */
export function setDefaultVersion({ controlPlane }: Registrar, request: HttpRequest): HttpReply {
  const { name, version } = versionIn(controlPlane, request);
  const latest = controlPlane.versions(modelIn(request)).find((status) => status.latest);
  if (latest?.version === version)
    return statusReply(`Default version successfully updated for model "${name}" to "${request.params.version}"`);
  throw new ServeError(
    "UNIMPLEMENTED",
    `this server answers with the highest version of a model by default, which is ${latest?.version} of ${name}`,
  );
}

/** @throws ServeError INVALID_ARGUMENT */
function uriOf(url: string, modelStore: string | undefined): string {
  if (url === "") throw new ServeError("INVALID_ARGUMENT", "Parameter url is required.");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url;
  if (url.includes("/") || url.includes("\\") || url.startsWith(".")) {
    const hint = "name an archive of the model store by its file's name, or give a whole address such as file:///models/NAME.mar";
    throw new ServeError("INVALID_ARGUMENT", `Relative path is not allowed in url: ${describe(url)}; ${hint}`);
  }
  if (modelStore !== undefined) return `${modelStore}/${url}`;
  const hint = "start it with --model-store FOLDER, or give a whole address such as file:///models/NAME.mar";
  throw new ServeError("INVALID_ARGUMENT", `this server has no model store to find ${describe(url)} in; ${hint}`);
}

function nameIn(uri: string): string {
  const [path = ""] = uri.split(/[?#]/, 1);
  const last = path.slice(path.lastIndexOf("/") + 1);
  return last.replace(/\.(mar|tar\.gz|tgz)$/i, "");
}

function documentOf(name: string, namespace: string, storageUri: string, parameters: URLSearchParams): object {
  const args = ["handler", "batch_size"].flatMap((key) => (parameters.get(key) ? [`--${key}=${parameters.get(key)}`] : []));
  const timeout = integerIn(parameters, "response_timeout", 0, 0);
  const trust = parameters.get("trust");
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace, ...(trust === null ? {} : { annotations: { [TRUST]: trust } }) },
    spec: {
      predictor: {
        model: { modelFormat: { name: "pytorch" }, storageUri, ...(args.length === 0 ? {} : { args }) },
        ...(timeout === 0 ? {} : { timeout }),
      },
    },
  };
}

/** Waits until the model answers. One that does not load is unregistered again, as TorchServe does. @throws ServeError */
async function untilSettled(resources: Resources, key: ResourceKey, signal: AbortSignal): Promise<void> {
  for await (const { object } of resources.watch("InferenceService", key.namespace, undefined, signal)) {
    if (object.metadata.name !== key.name) continue;
    const failure = failureOf(object);
    if (failure !== undefined) {
      await resources.delete(key);
      throw new ServeError("FAILED_PRECONDITION", `Failed to start workers for model ${key.name}: ${failure}`);
    }
    if (isReady(object)) return;
  }
  throw new ServeError("DEADLINE_EXCEEDED", `model ${key.name} is registered and still loads; ask GET /models/${key.name} how it is`);
}

function isReady({ status }: ResourceView): boolean {
  const conditions = status?.conditions;
  return Array.isArray(conditions) && conditions.some((each) => isObject(each) && each.type === "Ready" && each.status === "True");
}

function failureOf({ status }: ResourceView): string | undefined {
  const model = status?.modelStatus;
  if (!isObject(model) || (model.transitionStatus !== "BlockedByFailedLoad" && model.transitionStatus !== "InvalidSpec")) return undefined;
  const message = isObject(model.lastFailureInfo) ? model.lastFailureInfo.message : undefined;
  return typeof message === "string" ? firstLine(message) : "it did not load";
}

function statusReply(status: string, code = 200): HttpReply {
  return jsonReply(JSON.stringify({ status }, undefined, 2), code);
}
