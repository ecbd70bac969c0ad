import type { Route } from "../../core/http.ts";
import type { ModelState } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { failJson, jsonReply } from "../shared/index.ts";
import { createModelRoutes } from "./models.ts";

export interface OperationsOptions {
  readonly controlPlane: ControlPlane;
  /** The metrics in a text format that the Accept header allows. */
  readonly metrics: (accept: string | undefined) => Promise<{ readonly contentType: string; readonly body: string }>;
}

/** What probes and monitors ask: liveness, readiness with the number of model versions in each state, metrics. */
export function createOperationsRoutes({ controlPlane, metrics }: OperationsOptions): Route[] {
  return [
    { method: "GET", path: "/health/live", access: "public", handle: () => jsonReply('{"live":true}'), fail: failJson },
    {
      method: "GET",
      path: "/health/ready",
      access: "public",
      handle() {
        const models: Partial<Record<ModelState, number>> = {};
        for (const { state } of controlPlane.list()) models[state] = (models[state] ?? 0) + 1;
        const ready = controlPlane.ready();
        return jsonReply(JSON.stringify({ ready, models }), ready ? 200 : 503);
      },
      fail: failJson,
    },
    {
      method: "GET",
      path: "/metrics",
      access: "read",
      async handle({ headers }) {
        const { contentType, body } = await metrics(headers.accept?.toString());
        return { status: 200, headers: { "Content-Type": contentType }, body };
      },
      fail: failJson,
    },
    ...createModelRoutes(controlPlane),
  ];
}
