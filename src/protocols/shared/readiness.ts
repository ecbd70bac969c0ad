import { firstLine } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { jsonReply } from "./reply.ts";
import { namespaceOf } from "./target.ts";

/** `{"name","ready"}` with status 200, or 503 and the reason under `error`. */
export function readinessReply({ name, answers, state, reason }: ModelStatus): HttpReply {
  const quoted = JSON.stringify(name);
  if (answers) return jsonReply(`{"name":${quoted},"ready":true}`);
  const error = JSON.stringify(`Model with name ${name} is not ready. It is ${state}: ${firstLine(reason)}`);
  return jsonReply(`{"name":${quoted},"ready":false,"error":${error}}`, 503);
}

/** `{"models":[...]}`: every model of the namespace once, whatever its state; below a service's prefix only that. */
export function modelsReply(controlPlane: Pick<ControlPlane, "names">, request: HttpRequest): HttpReply {
  const { service } = request.params;
  const models = controlPlane.names(namespaceOf(request)).filter((name) => service === undefined || name === service);
  return jsonReply(JSON.stringify({ models }));
}
