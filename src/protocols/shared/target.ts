import { ServeError } from "../../core/errors.ts";
import type { HttpHead } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";
import { DEFAULT_NAMESPACE, isModelName, isModelVersion } from "../../core/model.ts";
import { describe } from "./fields.ts";

/**
 * The model that a request means: its name and version are in the path, its namespace is in the Host header
 * (`{model}-{namespace}.…`, KServe's), else in the prefix `/serving/{namespace}/{service}`, else in the header `nitrous-namespace`,
 * else it is `default`.
 * @throws ServeError NOT_FOUND for names and versions that no model can have
 */
export function targetOf({ params, headers }: Pick<HttpHead, "params" | "headers">): Target {
  const { model = "", version, service, method } = params;
  // Ids of NOS's models have slashes, which a name cannot have: "openai%2Fclip" is the model "openai--clip".
  const name = model.replaceAll("/", "--");
  if (!isModelName(name)) throw unknown(describe(model), "");
  if (service !== undefined && service !== name) throw unknown(name, `. Below this prefix there is only ${describe(service)}`);
  const namespace = namespaceInHost(headers.host, name) ?? namespaceOf({ params, headers });
  if (method !== undefined) assertMethodName(method, name);
  const called = method === undefined ? {} : { method };
  if (version === undefined) return { namespace, name, ...called };
  if (!isModelVersion(version)) {
    throw new ServeError(
      "NOT_FOUND",
      `Request for unknown model: '${name}' version ${describe(version)} is not found. Versions are integers`,
    );
  }
  return { namespace, name, version, ...called };
}

const METHOD_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/** @throws ServeError NOT_FOUND for a name that no method can have */
export function assertMethodName(method: string, model: string): void {
  if (!METHOD_NAME.test(method)) throw new ServeError("NOT_FOUND", `model ${model} has no method ${describe(method)}`);
}

/** Clients of KServe and of Triton each look for their own server's words. */
function unknown(name: string, hint: string): ServeError {
  return new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found${hint}`);
}

/** Of `iris-prod.example.com` for the model iris: prod. */
function namespaceInHost(host: string | string[] | undefined, name: string): string | undefined {
  if (typeof host !== "string" || host.length <= name.length + 1 || host[name.length] !== "-" || !host.startsWith(name)) return undefined;
  const end = host.indexOf(".");
  const namespace = end > name.length + 1 ? host.slice(name.length + 1, end) : "";
  return isModelName(namespace) ? namespace : undefined;
}

/** @throws ServeError NOT_FOUND for a namespace that cannot exist */
export function namespaceOf({ params, headers }: Pick<HttpHead, "params" | "headers">): string {
  const named = params.namespace ?? headers["nitrous-namespace"];
  if (named === undefined) return DEFAULT_NAMESPACE;
  if (typeof named !== "string" || !isModelName(named))
    throw new ServeError("NOT_FOUND", `there is no namespace ${describe(String(named))}`);
  return named;
}
