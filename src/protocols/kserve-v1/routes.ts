import type { Access } from "../../core/access.ts";
import type { HttpHead, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { isStream } from "../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { failJson, jsonReply, modelsReply, readinessReply, streamReply, targetOf, wantsEvents } from "../shared/index.ts";
import { decodePredict } from "./decode.ts";
import { encodePredictions } from "./encode.ts";

export interface V1Options {
  readonly dataPlane: DataPlane;
  readonly controlPlane: Pick<ControlPlane, "get" | "names">;
}

/** KServe's V1 protocol, with TensorFlow Serving's paths for versions. */
export function createV1Routes({ dataPlane, controlPlane }: V1Options): Route[] {
  const question = (path: string, access: Access, handle: Route["handle"]): Route => ({
    method: "GET",
    path,
    access,
    handle,
    fail: failJson,
  });
  const prediction = (path: string): Route => ({
    method: "POST",
    path,
    access: "infer",
    target: targetOf,
    protocol: "v1",
    gate: (head: HttpHead) => dataPlane.admit(targetOf(head), head.declaredBytes, head.context),
    handle: (request) => predict(dataPlane, request),
    fail: failJson,
  });
  return [
    question("/", "public", () => jsonReply('{"status":"alive"}')),
    question("/v1/models", "read", (request) => modelsReply(controlPlane, request)),
    { ...question("/v1/models/{model}", "read", (request) => readinessReply(controlPlane.get(targetOf(request)))), target: targetOf },
    prediction("/v1/models/{model}:predict"),
    prediction("/v1/models/{model}/versions/{version}:predict"),
  ];
}

async function predict(dataPlane: DataPlane, request: HttpRequest): Promise<HttpReply> {
  const target = targetOf(request);
  const { context } = request;
  context.record.model = target.name;
  const { output } = await dataPlane.infer({ target, ...decodePredict(request.body), context });
  if (!isStream(output)) return jsonReply(encodePredictions(output));
  return streamReply({ context, payloads: output, encode: encodePredictions, asEvents: wantsEvents(request.headers) });
}
