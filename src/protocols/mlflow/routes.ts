import { ServeError } from "../../core/errors.ts";
import type { HttpHead, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { isStream, type Target } from "../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { encodePredictions, failJson, jsonReply, streamReply, targetOf, wantsEvents } from "../shared/index.ts";
import { decodeInvocation } from "./decode.ts";

export interface MlflowOptions {
  readonly dataPlane: Pick<DataPlane, "admit" | "infer">;
  readonly controlPlane: Pick<ControlPlane, "names">;
}

type Head = Pick<HttpHead, "params" | "headers">;

/**
 * `POST /invocations` of MLflow's scoring server: for one model by its path, and below a service's prefix as that server has it.
 * Models of every format answer it.
 */
export function createMlflowRoutes({ dataPlane, controlPlane }: MlflowOptions): Route[] {
  const invocation = (path: string, modelOf: (head: Head) => Target, target: (head: Head) => Target | undefined = modelOf): Route => ({
    method: "POST",
    path,
    access: "infer",
    target,
    protocol: "mlflow",
    gate: (head) => dataPlane.admit(modelOf(head), head.declaredBytes, head.context),
    handle: (request) => invoke(dataPlane, modelOf(request), request),
    fail,
  });
  return [
    // A key that is limited to models has to name one, in the prefix.
    invocation("/invocations", (head) => onlyModel(controlPlane, head), serviceOf),
    invocation("/v1/models/{model}/invocations", targetOf),
    invocation("/v1/models/{model}/versions/{version}/invocations", targetOf),
  ];
}

async function invoke(dataPlane: MlflowOptions["dataPlane"], target: Target, request: HttpRequest): Promise<HttpReply> {
  const { body, context, headers } = request;
  context.record.model = target.name;
  const type = String(headers["content-type"] ?? "application/json")
    .split(";", 1)[0]
    ?.trim()
    .toLowerCase();
  // curl -d says that it sends a form.
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded")
    throw new ServeError("INVALID_ARGUMENT", `The Content-Type is ${type}; this server takes application/json`);
  const { output } = await dataPlane.infer({ target, ...decodeInvocation(body), context });
  if (!isStream(output)) return jsonReply(encodePredictions(output));
  return streamReply({ context, payloads: output, encode: encodePredictions, asEvents: wantsEvents(headers) });
}

/** The service of the prefix. */
function serviceOf({ params, headers }: Head): Target | undefined {
  return params.service === undefined ? undefined : targetOf({ params: { ...params, model: params.service }, headers });
}

/**
 * MLflow's server has one model, so its path names none: the service of the prefix, or of the Host header, or the only one there is.
 * @throws ServeError NOT_FOUND when that does not say which
 */
function onlyModel(controlPlane: MlflowOptions["controlPlane"], { params, headers }: Head): Target {
  const service = serviceOf({ params, headers });
  if (service !== undefined) return service;
  const [host = ""] = String(headers.host ?? "").split(".");
  // KServe's hosts are {name}-{namespace}, and either may have dashes.
  for (let dash = host.indexOf("-"); dash > 0; dash = host.indexOf("-", dash + 1)) {
    const name = host.slice(0, dash);
    if (controlPlane.names(host.slice(dash + 1)).includes(name)) return targetOf({ params: { ...params, model: name }, headers });
  }
  const { namespace } = targetOf({ params: { ...params, model: "any" }, headers });
  const [name, second] = controlPlane.names(namespace);
  if (name !== undefined && second === undefined) return { namespace, name };
  throw new ServeError("NOT_FOUND", "POST /invocations does not say which model is meant: use POST /v1/models/NAME/invocations");
}

/** MLflow's error body. */
function fail(error: ServeError): HttpReply {
  const reply = failJson(error);
  const code = NAMES[reply.status] ?? (reply.status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR");
  return { ...reply, body: JSON.stringify({ error_code: code, message: error.message }) };
}

const NAMES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "RESOURCE_DOES_NOT_EXIST",
  429: "RESOURCE_EXHAUSTED",
  503: "TEMPORARILY_UNAVAILABLE",
};
