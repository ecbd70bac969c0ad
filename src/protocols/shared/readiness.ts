import type { HttpReply } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { jsonReply } from "./reply.ts";

/** `{"name","ready"}` with status 200, or 503 and the reason under `error`. */
export function readinessReply({ name, state, reason }: ModelStatus): HttpReply {
  const quoted = JSON.stringify(name);
  if (state === "ready") return jsonReply(`{"name":${quoted},"ready":true}`);
  const error = JSON.stringify(`Model with name ${name} is not ready. It is ${state}: ${firstLine(reason)}`);
  return jsonReply(`{"name":${quoted},"ready":false,"error":${error}}`, 503);
}

/** The lines after the first are for the operator: what a host printed may name files. */
function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}

/** `{"models":[...]}`: every model of the namespace once, whatever its state. */
export function modelsReply(controlPlane: ControlPlane, namespace: string): HttpReply {
  const names = new Set(controlPlane.list().flatMap((status) => (status.namespace === namespace ? [status.name] : [])));
  return jsonReply(JSON.stringify({ models: [...names] }));
}
