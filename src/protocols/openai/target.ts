import type { HttpHead } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { targetOf } from "../shared/index.ts";

/**
 * The model of a name in a body or path: a bare one is found as on every other protocol, `namespace/name` where there is such a model.
 * @throws ServeError NOT_FOUND for a name that no model can have
 */
export function targetNamed(
  name: string,
  controlPlane: Pick<ControlPlane, "names">,
  { params, headers }: Pick<HttpHead, "params" | "headers">,
): Target {
  const [namespace = "", bare = "", ...more] = name.split("/");
  const isElsewhere = params.namespace !== undefined && params.namespace !== namespace;
  if (bare === "" || more.length > 0 || isElsewhere || !controlPlane.names(namespace).includes(bare))
    return targetOf({ params: { ...params, model: name }, headers });
  return { ...targetOf({ params: { ...params, model: bare }, headers }), namespace };
}
