import { ServeError } from "../../core/errors.ts";
import type { HttpHead } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";
import { DEFAULT_NAMESPACE, MODEL_NAME, MODEL_VERSION } from "../../core/model.ts";

/**
 * The model that the path parameters `model` and `version` and the header `nitrous-namespace` mean.
 * @throws ServeError NOT_FOUND for names and versions that no model can have
 */
export function targetOf({ params, headers }: Pick<HttpHead, "params" | "headers">): Target {
  const { model: name = "", version } = params;
  const namespace = namespaceOf(headers);
  if (!MODEL_NAME.test(name)) {
    throw new ServeError("NOT_FOUND", `Model with name ${name} does not exist. Request for unknown model: '${name}' is not found`);
  }
  if (version === undefined) return { namespace, name };
  if (!MODEL_VERSION.test(version)) {
    throw new ServeError("NOT_FOUND", `Request for unknown model: '${name}' version ${version} is not found. Versions are integers`);
  }
  return { namespace, name, version };
}

/** @throws ServeError NOT_FOUND for a namespace that cannot exist */
export function namespaceOf(headers: HttpHead["headers"]): string {
  const header = headers["nitrous-namespace"];
  if (header === undefined) return DEFAULT_NAMESPACE;
  if (typeof header !== "string" || !MODEL_NAME.test(header)) throw new ServeError("NOT_FOUND", `there is no namespace '${header}'`);
  return header;
}
