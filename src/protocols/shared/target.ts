import { ServeError } from "../../core/errors.ts";
import type { HttpHead } from "../../core/http.ts";
import type { ParameterValue, Target } from "../../core/inference.ts";
import { DEFAULT_NAMESPACE, isModelName, isModelVersion } from "../../core/model.ts";
import { describe } from "../../encodings/index.ts";
import { unexpected } from "./fields.ts";

const REVISION_HEADER = "nitrous-revision";

/**
 * The model that a request means: its name and version are in the path, its namespace is in the Host header
 * (`{model}-{namespace}.…`, KServe's), else in the prefix `/serving/{namespace}/{service}`, else in the header `nitrous-namespace`,
 * else it is `default`. A revision is named by the header `nitrous-revision`, or by its tag before the name in the Host header.
 * @throws ServeError NOT_FOUND for names and versions that no model can have
 */
export function targetOf({ params, headers }: Pick<HttpHead, "params" | "headers">): Target {
  const { model = "", version, service, method } = params;
  // Ids of NOS's models have slashes, which a name cannot have: "openai%2Fclip" is the model "openai--clip".
  const name = model.replaceAll("/", "--");
  if (!isModelName(name)) throw unknown(describe(model), "");
  const place = placeInHost(headers.host, name);
  const namespace = place?.namespace ?? namespaceOf({ params, headers });
  if (method !== undefined) assertMethodName(method, name);
  const revision = headers[REVISION_HEADER] ?? place?.tag;
  const target: { -readonly [Key in keyof Target]: Target[Key] } = { namespace, name };
  if (method !== undefined) target.method = method;
  if (revision !== undefined) target.revision = String(revision);
  if (service !== undefined && service !== name) target.service = service;
  if (version === undefined) return target;
  if (!isModelVersion(version)) {
    throw new ServeError(
      "NOT_FOUND",
      `Request for unknown model: '${name}' version ${describe(version)} is not found. Versions are integers`,
    );
  }
  target.version = version;
  return target;
}

const METHOD_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/**
 * The same target with the method that a body names in its parameters; one in the path wins.
 * @throws ServeError INVALID_ARGUMENT, NOT_FOUND for a name that no method can have
 */
export function withMethod(target: Target, method: ParameterValue | undefined): Target {
  if (method === undefined || target.method !== undefined) return target;
  if (typeof method !== "string") throw unexpected("parameters.method", "the name of a method", method);
  assertMethodName(method, target.name);
  return { ...target, method };
}

/** @throws ServeError NOT_FOUND for a name that no method can have */
function assertMethodName(method: string, model: string): void {
  if (!METHOD_NAME.test(method)) throw new ServeError("NOT_FOUND", `model ${model} has no method ${describe(method)}`);
}

/** Clients of KServe and of Triton each look for their own server's words. */
function unknown(name: string, hint: string): ServeError {
  return new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found${hint}`);
}

/**
 * Of `iris-prod.example.com` for the model iris: prod; of `latest-iris-prod.example.com` and `latest-iris.prod.example.com` the tag latest
 * too.
 */
function placeInHost(host: string | string[] | undefined, name: string): { readonly namespace: string; readonly tag?: string } | undefined {
  if (typeof host !== "string" || host.length <= name.length + 1) return undefined;
  const end = host.indexOf(".");
  if (host[name.length] === "-" && host.startsWith(name)) {
    const namespace = end > name.length + 1 ? host.slice(name.length + 1, end) : "";
    if (isModelName(namespace)) return { namespace };
  }
  const at = host.indexOf(`-${name}`);
  if (at <= 0 || at > end) return undefined;
  const next = at + name.length + 1;
  const namespace = host[next] === "-" ? host.slice(next + 1, end) : next === end ? host.slice(end + 1).split(/[.:]/, 1)[0] : "";
  return namespace !== undefined && isModelName(namespace) ? { namespace, tag: host.slice(0, at) } : undefined;
}

/** @throws ServeError NOT_FOUND for a namespace that cannot exist */
export function namespaceOf({ params, headers }: Pick<HttpHead, "params" | "headers">): string {
  const named = params.namespace ?? headers["nitrous-namespace"];
  if (named === undefined) return DEFAULT_NAMESPACE;
  if (typeof named !== "string" || !isModelName(named))
    throw new ServeError("NOT_FOUND", `there is no namespace ${describe(String(named))}`);
  return named;
}
