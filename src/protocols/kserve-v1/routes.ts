import type { Access } from "../../core/access.ts";
import type { HttpHead, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { type InferRequest, isStream, type Target } from "../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import { failJson, hasMoreElements, jsonReply, modelsReply, readinessReply, streamReply, targetOf, wantsEvents } from "../shared/index.ts";
import { type DecodedPredict, decodePredict } from "./decode.ts";
import { encodePredictions } from "./encode.ts";
import type { LargePredict } from "./large.ts";

export interface V1Options {
  readonly dataPlane: DataPlane;
  readonly controlPlane: Pick<ControlPlane, "get" | "names">;
  /** Without it everything is read and written in the event loop. */
  readonly large?: LargePredict | undefined;
}

/** KServe's V1 protocol, with TensorFlow Serving's paths for versions. */
export function createV1Routes({ dataPlane, controlPlane, large }: V1Options): Route[] {
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
    handle: (request) => predict(dataPlane, large, request),
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

async function predict(dataPlane: DataPlane, large: LargePredict | undefined, request: HttpRequest): Promise<HttpReply> {
  const target = targetOf(request);
  const { body, context } = request;
  context.record.model = target.name;
  const decoded =
    large !== undefined && body.byteLength > large.maxBytes ? await decodeLarge(dataPlane, large, target, request) : decodePredict(body);
  const { output } = await dataPlane.infer({ target, ...decoded, context });
  if (!isStream(output)) {
    if (large !== undefined && hasMoreElements(output, large.maxElements)) return jsonReply(await large.encode(output.tensors, context));
    return jsonReply(encodePredictions(output));
  }
  return streamReply({ context, payloads: output, encode: encodePredictions, asEvents: wantsEvents(request.headers) });
}

async function decodeLarge(
  dataPlane: DataPlane,
  large: LargePredict,
  target: Target,
  { body, context }: HttpRequest,
): Promise<DecodedPredict & Pick<InferRequest, "boundTo">> {
  const signature = await dataPlane.signature(target, context);
  return { ...(await large.decode(body, signature, target.name, context)), boundTo: signature };
}
