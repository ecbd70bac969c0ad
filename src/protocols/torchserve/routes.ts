import type { Access } from "../../core/access.ts";
import type { HttpMethod, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { jsonReply } from "../shared/index.ts";
import { describeModel, listModels } from "./describe-models.ts";
import { failTorchServe } from "./errors.ts";
import { flagIn } from "./parameters.ts";
import { predict } from "./predictions.ts";
import { registerModel, scaleWorkers, setDefaultVersion, unregisterModel } from "./registration.ts";
import { modelIn, versionIn } from "./target.ts";

export interface TorchServeOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ControlPlane;
  /** Absolute path of the folder whose archives are registered by their names alone. */
  readonly modelStore?: string | undefined;
}

/** TorchServe's inference and management APIs (docs/inference_api.md and docs/management_api.md of its version 0.12), on one port. */
export function createTorchServeRoutes(options: TorchServeOptions): Route[] {
  const { dataPlane, controlPlane } = options;
  const route = (method: HttpMethod, path: string, access: Access, handle: Route["handle"]): Route => ({
    method,
    path,
    access,
    handle,
    fail: failTorchServe,
  });
  const both = (method: HttpMethod, path: string, access: Access, handle: Route["handle"]): Route[] =>
    [path, `${path}/{version}`].map((each) => ({ ...route(method, each, access, handle), target: modelIn }));
  const inference = (path: string, kind: "predictions" | "explanations"): Route[] =>
    (["POST", "PUT"] as const).flatMap((method) =>
      both(method, path, "infer", (request) => predict(options, kind, request)).map((each) => ({
        ...each,
        protocol: "torchserve",
        gate: (head) => dataPlane.admit(versionIn(controlPlane, head), head.declaredBytes, head.context),
      })),
    );
  return [
    route("GET", "/ping", "read", () => ping(controlPlane)),
    ...inference("/predictions/{model}", "predictions"),
    ...inference("/explanations/{model}", "explanations"),
    route("GET", "/models", "read", (request) => listModels(controlPlane, request)),
    ...both("GET", "/models/{model}", "read", (request) => describe(options, request)),
    route("POST", "/models", "admin", (request) => registerModel(options, request)),
    ...both("PUT", "/models/{model}", "admin", (request) => scaleWorkers(options, request)),
    {
      ...route("PUT", "/models/{model}/{version}/set-default", "admin", (request) => setDefaultVersion(options, request)),
      target: modelIn,
    },
    ...both("DELETE", "/models/{model}", "admin", (request) => unregisterModel(options, request)),
  ];
}

/** Unhealthy only when models have been tried and none of them answers: one that failed is no reason to restart the others. */
function ping({ list }: Pick<ControlPlane, "list">): HttpReply {
  const statuses = list();
  const unhealthy = statuses.length > 0 && statuses.every(({ state }) => state === "failed");
  return jsonReply(JSON.stringify({ status: unhealthy ? "Unhealthy" : "Healthy" }, undefined, 2), unhealthy ? 500 : 200);
}

async function describe(options: TorchServeOptions, request: HttpRequest): Promise<HttpReply> {
  if (!flagIn(request.query, "customized") || request.params.version === "all") return describeModel(options.controlPlane, request);
  const { body, status } = await predict(options, "descriptions", request);
  if (status !== 200) return { status, headers: { "Content-Type": "application/json" }, body };
  return describeModel(options.controlPlane, request, { customizedMetadata: Buffer.from(body as Uint8Array).toString() });
}
