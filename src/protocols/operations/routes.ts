import type { Clock } from "../../core/clock.ts";
import type { Route } from "../../core/http.ts";
import type { ModelState } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import type { ShadowReport } from "../../core/shadow.ts";
import type { TopSnapshot } from "../../core/top.ts";
import { failJson, jsonReply } from "../shared/index.ts";
import { createModelRoutes } from "./models.ts";
import { createTopRoute } from "./top.ts";

export interface OperationsOptions {
  readonly controlPlane: ControlPlane;
  /** The metrics in a text format that the Accept header allows. */
  readonly metrics: (accept: string | undefined) => Promise<{ readonly contentType: string; readonly body: string }>;
  /** What is going on now, of one namespace's models or of all. */
  readonly top: (namespace?: string) => TopSnapshot;
  /** What became of copies of requests. */
  readonly shadows: () => readonly ShadowReport[];
  readonly clock: Clock;
}

/** What probes and monitors ask: liveness, readiness with the number of model versions in each state, metrics. */
export function createOperationsRoutes({ controlPlane, metrics, top, shadows, clock }: OperationsOptions): Route[] {
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
    createTopRoute(top, clock),
    {
      method: "GET",
      path: "/nitrous/shadows",
      access: "read",
      handle({ query }) {
        const namespace = query.get("namespace");
        return jsonReply(JSON.stringify(shadows().filter((report) => namespace === null || report.namespace === namespace)));
      },
      fail: failJson,
    },
    ...createModelRoutes(controlPlane),
  ];
}
