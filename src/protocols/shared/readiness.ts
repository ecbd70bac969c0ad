import { firstLine } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { jsonReply } from "./reply.ts";
import { namespaceOf } from "./target.ts";

/** `{"name","ready"}` with status 200, or 503 and the reason under `error`; `more` is what other protocols have in the same object. */
export function readinessReply({ name, answers, state, reason }: ModelStatus, more: object = {}): HttpReply {
  if (answers) return jsonReply(JSON.stringify({ name, ready: true, ...more }));
  // Loaded and not ready: its own code says so.
  const error = `Model with name ${name} is not ready. ${state === "ready" ? "" : `It is ${state}: `}${firstLine(reason)}`;
  return jsonReply(JSON.stringify({ name, ready: false, error, ...more }), 503);
}

/** `{"models":[...]}`: every model of the namespace once, whatever its state; below a service's prefix only that. `more` as above. */
export function modelsReply(controlPlane: Pick<ControlPlane, "names">, request: HttpRequest, more: object = {}): HttpReply {
  const { service } = request.params;
  const models = controlPlane.names(namespaceOf(request), service);
  return jsonReply(JSON.stringify({ models, ...more }));
}
